//! What the gateway is told on that day and must keep to itself.

use model::random::Random as _;
use testkit::canary::Canaries;
use testkit::random::SeededRandom;

pub const KEYS: usize = 64;
pub const PROMPTS: usize = 80;

/// Everything that is said to the gateway and that it must keep to itself.
pub struct Secrets {
    pub keys: [String; KEYS],
    /// Refused by their provider or unfit for one: in no case stored.
    pub refused: [String; KEYS],
    pub prompts: [String; PROMPTS],
    pub passwords: [String; 2],
    pub setup_token: String,
}

impl Secrets {
    pub fn new(seed: u64) -> Self {
        let random = SeededRandom::new(seed);
        let text = |start: &str| format!("{start}{}", letters(&random, 44));
        let mut keys = std::array::from_fn(|_| text("sk-canary-"));
        // Some providers' keys have other alphabets, which every spelling treats differently.
        keys[3] = text("AIza/+=\"\\<&>'");
        keys[4] = format!("{}.{}", letters(&random, 40), letters(&random, 24));
        Self {
            keys,
            refused: std::array::from_fn(|_| text("sk-refused-")),
            prompts: std::array::from_fn(|_| text("prompt ")),
            passwords: std::array::from_fn(|_| text("password ")),
            setup_token: letters(&random, 40),
        }
    }

    pub fn canaries(&self) -> Canaries {
        let mut canaries = Canaries::new().any_part("the set-up token", &self.setup_token);
        let kinds: [(&str, &[String]); 4] = [
            ("provider key", &self.keys),
            ("refused key", &self.refused),
            ("prompt", &self.prompts),
            ("password", &self.passwords),
        ];
        for (kind, texts) in kinds {
            for (number, text) in texts.iter().enumerate() {
                // The beginning is common to the kind; of a key up to eight characters may be shown.
                canaries = canaries.any_part(&format!("{kind} {number}"), text);
            }
        }
        canaries
    }
}

pub fn letters(random: &SeededRandom, count: usize) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut bytes = vec![0; count];
    random.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
}
