//! The guides, as a reader follows them: every `sh` block of `docs/*.md` is run as it stands, in order, in one shell for each
//! guide, against the real binary; what a guide shows of the output must come out.

mod pages;
mod reader;

use std::path::PathBuf;

use pages::{Page, broken_links};
use reader::Reader;

/// The one that all others go on from.
const FIRST: &str = "quick-start";
const GUIDES: [&str; 11] = [
    "access-control",
    "adding-a-provider",
    "bring-your-keys",
    "faq",
    "prices",
    FIRST,
    "routing",
    "sdks-and-agents",
    "security-and-rotation",
    "spending",
    "usage",
];
/// Their commands take minutes, and are tried by tests of their own.
const MEASUREMENTS: &str = "benchmarks";
/// Where people look besides the guides.
const PAGES: [&str; 3] = ["ARCHITECTURE.md", "README.md", "SECURITY.md"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

async fn follow(guide: &str) {
    let Some(reader) = Reader::sit_down().await else { return };
    reader.follow(&Page::read(&root(), &format!("docs/{FIRST}.md")));
    if guide != FIRST {
        reader.follow(&Page::read(&root(), &format!("docs/{guide}.md")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_quick_start_works_as_it_stands() {
    follow(FIRST).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_to_provider_keys_works_as_it_stands() {
    follow("bring-your-keys").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_to_access_works_as_it_stands() {
    follow("access-control").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_to_rotation_works_as_it_stands() {
    follow("security-and-rotation").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_to_sdks_works_as_it_stands() {
    follow("sdks-and-agents").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_to_routing_works_as_it_stands() {
    follow("routing").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_to_prices_works_as_it_stands() {
    follow("prices").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_to_spending_works_as_it_stands() {
    follow("spending").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_to_usage_works_as_it_stands() {
    follow("usage").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_faq_shows_is_so() {
    follow("faq").await;
}

#[test]
fn there_is_no_guide_that_is_not_followed() {
    let files = std::fs::read_dir(root().join("docs")).expect("the folder of the guides");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("a name"));
    let mut guides: Vec<_> =
        names.filter_map(|name| name.strip_suffix(".md").map(str::to_owned)).collect();
    guides.retain(|guide| guide != MEASUREMENTS);
    guides.sort();

    assert_eq!(guides, GUIDES);
}

#[test]
fn links_lead_somewhere() {
    let guides = GUIDES.map(|guide| format!("docs/{guide}.md"));
    let pages = guides.into_iter().chain(PAGES.map(str::to_owned));

    let broken: Vec<_> = pages.flat_map(|path| broken_links(&root(), &path)).collect();

    assert_eq!(broken, Vec::<String>::new());
}
