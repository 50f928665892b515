//! What a model's name tells of what it takes.

#[derive(Clone, Copy)]
pub(super) struct ModelName<'a>(&'a str);

impl<'a> ModelName<'a> {
    /// With or without `models/` before it.
    pub fn new(model: &'a str) -> Self {
        Self(model.rsplit('/').next().unwrap_or(model))
    }

    /// From the third generation on thinking has levels, not budgets, and a call needs proof of the thought before it.
    /// `gemini-flash-latest` and its like are what came last.
    pub fn is_third_generation(self) -> bool {
        let Some(rest) = self.0.strip_prefix("gemini-") else { return false };
        let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next();
        match digits.and_then(|digits| digits.parse::<u32>().ok()) {
            Some(generation) => generation >= 3,
            None => rest.ends_with("-latest"),
        }
    }

    pub fn is_lite(self) -> bool {
        self.0.contains("-flash-lite")
    }

    pub fn is_pro(self) -> bool {
        self.0.contains("-pro")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generation_is_in_the_name() {
        for name in [
            "gemini-3-flash-preview",
            "models/gemini-3.1-pro",
            "gemini-4-argon",
            "gemini-pro-latest",
        ] {
            assert!(ModelName::new(name).is_third_generation(), "{name}");
        }
        for name in
            ["gemini-2.5-pro", "gemma-4-31b-it", "gemini-robotics-er-2-preview", "gemini-", ""]
        {
            assert!(!ModelName::new(name).is_third_generation(), "{name}");
        }
    }
}
