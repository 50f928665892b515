//! The names of what a request asked for and can be done without, as they are told to the caller in a header.

/// A hundred messages may hold the same thing; it is told once. Callers choose some of the names, and as many as they
/// like, so that there is an end to them.
pub fn leave_out(left_out: &mut Vec<String>, name: &str) {
    let is_told = left_out.iter().any(|told| told == name);
    if is_told || left_out.len() > NAMES_MAX {
        return;
    }
    let is_one_too_many = left_out.len() == NAMES_MAX;
    left_out.push(if is_one_too_many { MORE } else { name }.to_owned());
}

const NAMES_MAX: usize = 64;
const MORE: &str = "...";

#[cfg(test)]
mod tests {
    use super::leave_out;

    #[test]
    fn a_name_is_told_once() {
        let mut told = Vec::new();

        for name in ["user", "seed", "user"] {
            leave_out(&mut told, name);
        }

        assert_eq!(told, ["user", "seed"]);
    }

    #[test]
    fn there_is_an_end_to_names() {
        let mut told = Vec::new();

        for number in 0..1_000 {
            leave_out(&mut told, &format!("tools.{number}"));
        }

        assert_eq!(told.len(), 65);
        assert_eq!(told.get(63).map(String::as_str), Some("tools.63"));
        assert_eq!(told.last().map(String::as_str), Some("..."));
    }
}
