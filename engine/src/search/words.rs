//! Words of names and texts, and how well they match.

/// How well a word of a query matches a word of a text; the worse matches are worth less. Hive
/// folds `customerChurn` to `customerchurn`, so that a part of a word has to match too.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) enum Match {
    Inside,
    Start,
    Whole,
}

impl Match {
    pub(super) const fn worth(self) -> f32 {
        match self {
            Self::Inside => 0.4,
            Self::Start => 0.7,
            Self::Whole => 1.0,
        }
    }
}

/// Shortest word of a query that may match the start of a word.
const START_MIN: usize = 2;
/// Shortest word of a query that may match within a word.
const INSIDE_MIN: usize = 3;

/// A word of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QueryWord {
    lower: String,
    n_chars: usize,
}

impl QueryWord {
    /// The words of a query, each once.
    pub(super) fn all_of(text: &str) -> Vec<Self> {
        let mut all: Vec<Self> = vec![];
        for word in words(text) {
            let lower = word.to_lowercase();
            let n_chars = lower.chars().count();
            let word = Self { lower, n_chars };
            if !all.contains(&word) {
                all.push(word);
            }
        }
        all
    }

    /// Whether a text in lower case may have a word that this one matches.
    pub(super) fn may_match(&self, lower: &str) -> bool {
        lower.contains(&self.lower)
    }

    /// How well this word matches one of a text.
    pub(super) fn matches(&self, word: &str) -> Option<Match> {
        if word.is_ascii() && self.lower.is_ascii() {
            return self.matches_ascii(word.as_bytes());
        }
        let word = word.to_lowercase();
        let found = word.find(&self.lower)?;
        self.kind(found == 0, found == 0 && word.len() == self.lower.len())
    }

    fn matches_ascii(&self, word: &[u8]) -> Option<Match> {
        let wanted = self.lower.as_bytes();
        let found =
            word.windows(wanted.len()).position(|window| window.eq_ignore_ascii_case(wanted))?;
        self.kind(found == 0, found == 0 && word.len() == wanted.len())
    }

    fn kind(&self, at_start: bool, whole: bool) -> Option<Match> {
        match () {
            () if whole => Some(Match::Whole),
            () if at_start && self.n_chars >= START_MIN => Some(Match::Start),
            () if self.n_chars >= INSIDE_MIN => Some(Match::Inside),
            () => None,
        }
    }
}

/// The words of a text: what stands between spaces and punctuation, cut where `camelCase` begins
/// anew and where letters and digits meet.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c.is_control() || c.is_ascii_punctuation())
        .flat_map(parts)
}

fn parts(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let end = rest
            .char_indices()
            .zip(rest.chars().skip(1))
            .find(|((_, before), after)| is_edge(*before, *after))
            .map_or(rest.len(), |((at, before), _)| at + before.len_utf8());
        let (part, next) = rest.split_at(end);
        rest = next;
        (!part.is_empty()).then_some(part)
    })
}

fn is_edge(before: char, after: char) -> bool {
    (before.is_lowercase() && after.is_uppercase())
        || (before.is_alphabetic() && after.is_numeric())
        || (before.is_numeric() && after.is_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_into_words() {
        for (text, expected) in [
            ("customer_churn_2024", &["customer", "churn", "2024"][..]),
            ("customerChurn2024q1", &["customer", "Churn", "2024", "q", "1"]),
            ("Net revenue (EUR)", &["Net", "revenue", "EUR"]),
            ("日本語 データ", &["日本語", "データ"]),
            ("🦀", &["🦀"]),
            ("%_'\"\0--", &[]),
            ("", &[]),
        ] {
            assert_eq!(words(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn whole_words_match_better_than_parts() {
        let matches = |query: &str, word: &str| {
            QueryWord::all_of(query).first().and_then(|found| found.matches(word))
        };
        assert_eq!(matches("Churn", "cHURN"), Some(Match::Whole));
        assert_eq!(matches("chu", "churn"), Some(Match::Start));
        assert_eq!(matches("churn", "customerchurn"), Some(Match::Inside));
        assert_eq!(matches("Größe", "GRÖSSENGRÖßE"), Some(Match::Inside));
        assert_eq!(matches("c", "churn"), None);
        assert_eq!(matches("ur", "churn"), None);
        assert_eq!(matches("churning", "churn"), None);
        assert!(Match::Whole > Match::Start && Match::Start > Match::Inside);
    }
}
