// Runs the scenarios that the command line names, in turn.

/** What the provider says where it is asked nothing special. */
export const WORDS = "Hello from the fäke 🦀";

export async function run(scenarios) {
  for (const name of process.argv.slice(2)) {
    console.log(name);
    await scenarios[name]();
  }
}
