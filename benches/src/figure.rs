//! One number and what the project requires of it.

use serde_json::{Value, json};
use std::fmt;

/// Which side of a number is good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
    /// Only reported.
    None,
}

impl Bound {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
            Self::None => true,
        }
    }
}

/// A measured number.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) bound: Bound,
}

impl Figure {
    pub(crate) fn new(
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        bound: Bound,
    ) -> Self {
        Self { name: name.into(), value, unit, bound }
    }

    pub(crate) fn to_json(&self) -> Value {
        let (at_most, at_least) = match self.bound {
            Bound::AtMost(limit) => (Some(limit), None),
            Bound::AtLeast(limit) => (None, Some(limit)),
            Bound::None => (None, None),
        };
        json!({
            "name": self.name, "value": self.value, "unit": self.unit,
            "at_most": at_most, "at_least": at_least, "met": self.bound.is_met(self.value),
        })
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, unit, bound } = self;
        write!(f, "{name}: {value:.2} {unit}")?;
        let verdict = if bound.is_met(*value) { "met" } else { "MISSED" };
        match bound {
            Bound::AtMost(limit) => write!(f, " (at most {limit}: {verdict})"),
            Bound::AtLeast(limit) => write!(f, " (at least {limit}: {verdict})"),
            Bound::None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_whether_a_requirement_is_met() {
        let figure = |value, bound| Figure::new("a", value, "ms", bound).to_string();
        assert_eq!(figure(2.0, Bound::AtMost(2.0)), "a: 2.00 ms (at most 2: met)");
        assert_eq!(figure(2.5, Bound::AtMost(2.0)), "a: 2.50 ms (at most 2: MISSED)");
        assert_eq!(figure(0.5, Bound::AtLeast(0.7)), "a: 0.50 ms (at least 0.7: MISSED)");
        assert_eq!(figure(0.5, Bound::None), "a: 0.50 ms");
    }
}
