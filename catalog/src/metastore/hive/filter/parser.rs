//! From a filter's text to an [`Expression`].

use super::{Expression, Literal};
use crate::metastore::hive::answer::{Answer, meta};
use crate::model::CompareOp;
use quern_proto::hive_metastore::ServiceError;
use std::iter::Peekable;
use std::vec::IntoIter;

/// Longest filter; Spark's lists of ten thousand values are shorter.
const TEXT_MAX_BYTES: usize = 4 << 20;
/// How deep parentheses may be nested.
const DEPTH_MAX: usize = 100;

pub(super) fn parse(text: &str) -> Answer<Expression> {
    if text.len() > TEXT_MAX_BYTES {
        return Err(error(&format!("it is longer than {TEXT_MAX_BYTES} bytes")));
    }
    let mut parser = Parser { tokens: tokens(text)?.into_iter().peekable() };
    let expression = parser.or(0)?;
    match parser.tokens.next() {
        None => Ok(expression),
        Some(token) => Err(unexpected(Some(&token))),
    }
}

fn error(why: &str) -> ServiceError {
    meta(format!("Error parsing partition filter; {why}"))
}

fn unexpected(token: Option<&Token>) -> ServiceError {
    match token {
        Some(token) => error(&format!("unexpected {}", token.shown())),
        None => error("it ends too early"),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    Comma,
    Op(CompareOp),
    Word(String),
    Literal(Literal),
}

impl Token {
    /// A keyword is a word in any case.
    fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    fn shown(&self) -> String {
        let text = match self {
            Self::Open => "(".to_owned(),
            Self::Close => ")".to_owned(),
            Self::Comma => ",".to_owned(),
            Self::Op(op) => format!("{op:?}"),
            Self::Word(word) => word.clone(),
            Self::Literal(literal) => format!("{literal:?}"),
        };
        text.chars().take(40).collect()
    }
}

fn tokens(text: &str) -> Answer<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (token, length) = token(rest)?;
        tokens.push(token);
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

/// The token that the text begins with, and its length.
fn token(text: &str) -> Answer<(Token, usize)> {
    for (symbol, token) in [
        ("(", Token::Open),
        (")", Token::Close),
        (",", Token::Comma),
        ("!=", Token::Op(CompareOp::NotEq)),
        ("<>", Token::Op(CompareOp::NotEq)),
        ("<=", Token::Op(CompareOp::LtEq)),
        (">=", Token::Op(CompareOp::GtEq)),
        ("=", Token::Op(CompareOp::Eq)),
        ("<", Token::Op(CompareOp::Lt)),
        (">", Token::Op(CompareOp::Gt)),
    ] {
        if text.starts_with(symbol) {
            return Ok((token, symbol.len()));
        }
    }
    match text.chars().next() {
        Some(quote @ ('\'' | '"')) => quoted(text, quote),
        Some(c) if c.is_ascii_digit() || c == '-' => number(text),
        Some(c) if c.is_alphabetic() || c == '_' => {
            let end = text.find(|c: char| !c.is_alphanumeric() && !"_.$".contains(c));
            let word = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
            Ok((Token::Word(word.to_owned()), word.len()))
        }
        Some(c) => Err(error(&format!("unexpected {c:?}"))),
        None => Err(unexpected(None)),
    }
}

/// A text in quotes. A backslash keeps the quote behind it from ending the text; neither is
/// taken away, as in Hive.
fn quoted(text: &str, quote: char) -> Answer<(Token, usize)> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => {
                let inner = text.get(1..at).unwrap_or_default().to_owned();
                return Ok((Token::Literal(Literal::Text(inner)), at + 1));
            }
            _ => {}
        }
    }
    Err(error("a text has no end"))
}

/// An integer, a date, or a name that begins with a digit, which Hive allows.
fn number(text: &str) -> Answer<(Token, usize)> {
    let sign = usize::from(text.starts_with('-'));
    let unsigned = text.get(sign..).unwrap_or_default();
    let end = unsigned.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
    let word = unsigned.get(..end.unwrap_or(unsigned.len())).unwrap_or_default();
    let length = sign + word.len();
    let whole = text.get(..length).unwrap_or_default();
    if word.bytes().all(|b| b.is_ascii_digit()) && !word.is_empty() {
        if text.get(length..).is_some_and(|rest| rest.starts_with('.')) {
            return Err(error("decimal numbers cannot be compared"));
        }
        let integer = whole.parse().map_err(|_| error(&format!("{whole} is too large")))?;
        return Ok((Token::Literal(Literal::Integer(integer)), length));
    }
    if sign == 0 && is_date(word) {
        return Ok((Token::Literal(Literal::Date(word.to_owned())), length));
    }
    match sign == 0 && !word.contains('-') {
        true => Ok((Token::Word(word.to_owned()), length)),
        false => Err(error(&format!("{whole} is neither a number nor a date"))),
    }
}

fn is_date(word: &str) -> bool {
    let digits = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_digit())
    };
    let parts: Vec<&str> = word.split('-').collect();
    matches!(parts[..], [y, m, d] if digits(y, 4) && digits(m, 2) && digits(d, 2))
}

struct Parser {
    tokens: Peekable<IntoIter<Token>>,
}

impl Parser {
    fn take(&mut self, wanted: &Token) -> Answer<()> {
        match self.tokens.next() {
            Some(token) if token == *wanted => Ok(()),
            other => Err(unexpected(other.as_ref())),
        }
    }

    /// Takes a keyword if it comes next.
    fn takes(&mut self, keyword: &str) -> bool {
        self.tokens.next_if(|token| token.is(keyword)).is_some()
    }

    fn or(&mut self, depth: usize) -> Answer<Expression> {
        let mut parts = vec![self.and(depth)?];
        while self.takes("or") {
            parts.push(self.and(depth)?);
        }
        Ok(one_or(parts, Expression::Or))
    }

    fn and(&mut self, depth: usize) -> Answer<Expression> {
        let mut parts = vec![self.condition(depth)?];
        while self.takes("and") {
            parts.push(self.condition(depth)?);
        }
        Ok(one_or(parts, Expression::And))
    }

    fn condition(&mut self, depth: usize) -> Answer<Expression> {
        if depth > DEPTH_MAX {
            return Err(error(&format!("parentheses are nested more than {DEPTH_MAX} times")));
        }
        match self.tokens.next() {
            Some(Token::Open) => self.parenthesis(depth),
            Some(Token::Literal(literal)) => self.literal_first(literal),
            Some(token) if token.is("date") => {
                let literal = self.date_literal()?;
                self.literal_first(literal)
            }
            Some(Token::Word(key)) => self.key_first(key),
            other => Err(unexpected(other.as_ref())),
        }
    }

    /// What follows an opening parenthesis: the key of an IN, or a condition.
    fn parenthesis(&mut self, depth: usize) -> Answer<Expression> {
        if self.takes("struct") {
            return self.in_tuples();
        }
        if let Some(Token::Word(key)) =
            self.tokens.next_if(|t| matches!(t, Token::Word(_)) && !t.is("date"))
        {
            if self.tokens.next_if_eq(&Token::Close).is_some() {
                return self.in_list(key);
            }
            let first = self.key_first(key)?;
            return self.rest_of_parenthesis(first, depth);
        }
        let inner = self.or(depth + 1)?;
        self.take(&Token::Close)?;
        Ok(inner)
    }

    /// A parenthesis of which the first condition has been read.
    fn rest_of_parenthesis(&mut self, first: Expression, depth: usize) -> Answer<Expression> {
        let mut conjunction = vec![first];
        while self.takes("and") {
            conjunction.push(self.condition(depth + 1)?);
        }
        let mut parts = vec![one_or(conjunction, Expression::And)];
        while self.takes("or") {
            parts.push(self.and(depth + 1)?);
        }
        self.take(&Token::Close)?;
        Ok(one_or(parts, Expression::Or))
    }

    fn key_first(&mut self, key: String) -> Answer<Expression> {
        let negated = self.takes("not");
        if self.takes("between") {
            let low = self.literal()?;
            if !self.takes("and") {
                return Err(unexpected(self.tokens.peek()));
            }
            let high = self.literal()?;
            return Ok(Expression::Between { key, low, high, negated });
        }
        if negated {
            return Err(unexpected(self.tokens.peek()));
        }
        if self.takes("like") {
            return match self.literal()? {
                Literal::Text(pattern) => Ok(Expression::Like { key, pattern }),
                other => Err(unexpected(Some(&Token::Literal(other)))),
            };
        }
        match self.tokens.next() {
            Some(Token::Op(op)) => Ok(Expression::Compare { key, op, literal: self.literal()? }),
            other => Err(unexpected(other.as_ref())),
        }
    }

    fn literal_first(&mut self, literal: Literal) -> Answer<Expression> {
        let op = match self.tokens.next() {
            Some(Token::Op(op)) => op,
            other => return Err(unexpected(other.as_ref())),
        };
        let op = match op {
            CompareOp::Lt => CompareOp::Gt,
            CompareOp::LtEq => CompareOp::GtEq,
            CompareOp::Gt => CompareOp::Lt,
            CompareOp::GtEq => CompareOp::LtEq,
            CompareOp::Eq | CompareOp::NotEq => op,
        };
        match self.tokens.next() {
            Some(Token::Word(key)) => Ok(Expression::Compare { key, op, literal }),
            other => Err(unexpected(other.as_ref())),
        }
    }

    fn literal(&mut self) -> Answer<Literal> {
        match self.tokens.next() {
            Some(Token::Literal(literal)) => Ok(literal),
            Some(token) if token.is("date") => self.date_literal(),
            other => Err(unexpected(other.as_ref())),
        }
    }

    /// What follows the word `date`.
    fn date_literal(&mut self) -> Answer<Literal> {
        match self.tokens.next() {
            Some(Token::Literal(Literal::Text(text) | Literal::Date(text))) if is_date(&text) => {
                Ok(Literal::Date(text))
            }
            other => Err(unexpected(other.as_ref())),
        }
    }

    fn in_list(&mut self, key: String) -> Answer<Expression> {
        let negated = self.in_keyword()?;
        self.take(&Token::Open)?;
        let literals = self.list(Self::literal)?;
        Ok(Expression::In { key, literals, negated })
    }

    /// What follows `(struct`.
    fn in_tuples(&mut self) -> Answer<Expression> {
        self.take(&Token::Open)?;
        let keys = self.list(|parser| match parser.tokens.next() {
            Some(Token::Word(key)) => Ok(key),
            other => Err(unexpected(other.as_ref())),
        })?;
        self.take(&Token::Close)?;
        let negated = self.in_keyword()?;
        self.take(&Token::Open)?;
        let tuples = self.list(|parser| {
            if !(parser.takes("const") && parser.takes("struct")) {
                return Err(unexpected(parser.tokens.peek()));
            }
            parser.take(&Token::Open)?;
            parser.list(Self::literal)
        })?;
        if tuples.iter().any(|tuple| tuple.len() != keys.len()) {
            return Err(error("a struct has not as many values as there are keys"));
        }
        Ok(Expression::InTuples { keys, tuples, negated })
    }

    /// Reads `IN` or `NOT IN` and says which.
    fn in_keyword(&mut self) -> Answer<bool> {
        let negated = self.takes("not");
        match self.takes("in") {
            true => Ok(negated),
            false => Err(unexpected(self.tokens.peek())),
        }
    }

    /// Elements between commas, up to a closing parenthesis.
    fn list<T>(&mut self, mut element: impl FnMut(&mut Self) -> Answer<T>) -> Answer<Vec<T>> {
        let mut elements = vec![element(self)?];
        while self.tokens.next_if_eq(&Token::Comma).is_some() {
            elements.push(element(self)?);
        }
        self.take(&Token::Close)?;
        Ok(elements)
    }
}

fn one_or(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.len() {
        1 => parts.remove(0),
        _ => many(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(key: &str, op: CompareOp, literal: Literal) -> Expression {
        Expression::Compare { key: key.to_owned(), op, literal }
    }

    fn text(text: &str) -> Literal {
        Literal::Text(text.to_owned())
    }

    #[test]
    fn what_clients_send_is_read() {
        use CompareOp::{Eq, Gt, GtEq, Lt, NotEq};
        let a = || compare("dt", Eq, text("a"));
        let b = || compare("dt", Eq, text("b"));
        let n = || compare("n", GtEq, Literal::Integer(-2));
        for (written, read) in [
            ("dt = \"a\"", a()),
            ("'a' = dt", a()),
            ("(dt = \"a\" or dt = \"b\")", Expression::Or(vec![a(), b()])),
            ("dt='a' AND n >= -2", Expression::And(vec![a(), n()])),
            (
                "((dt=\"a\" and n>=-2) or (dt='b'))",
                Expression::Or(vec![Expression::And(vec![a(), n()]), b()]),
            ),
            ("5 < n", compare("n", Gt, Literal::Integer(5))),
            ("n <> 5", compare("n", NotEq, Literal::Integer(5))),
            ("d < 2024-01-31", compare("d", Lt, Literal::Date("2024-01-31".to_owned()))),
            ("d < date '2024-01-31'", compare("d", Lt, Literal::Date("2024-01-31".to_owned()))),
            ("(date 2024-01-31 > d)", compare("d", Lt, Literal::Date("2024-01-31".to_owned()))),
            (
                "(dt) in (\"a\", 'b')",
                Expression::In {
                    key: "dt".to_owned(),
                    literals: vec![text("a"), text("b")],
                    negated: false,
                },
            ),
            (
                "(n) NOT IN (1)",
                Expression::In {
                    key: "n".to_owned(),
                    literals: vec![Literal::Integer(1)],
                    negated: true,
                },
            ),
            (
                "n not between 1 and 2",
                Expression::Between {
                    key: "n".to_owned(),
                    low: Literal::Integer(1),
                    high: Literal::Integer(2),
                    negated: true,
                },
            ),
            (
                "dt like \"2024-01.*\"",
                Expression::Like { key: "dt".to_owned(), pattern: "2024-01.*".to_owned() },
            ),
            (
                "(struct(a,b)) in (const struct(1,'x'), const struct(2,'y'))",
                Expression::InTuples {
                    keys: vec!["a".to_owned(), "b".to_owned()],
                    tuples: vec![
                        vec![Literal::Integer(1), text("x")],
                        vec![Literal::Integer(2), text("y")],
                    ],
                    negated: false,
                },
            ),
            // Neither is the backslash taken away, nor does the quote end the text.
            (r#"dt = "a\"b""#, compare("dt", Eq, text(r#"a\"b"#))),
            ("dt = 'a\"é%'", compare("dt", Eq, text("a\"é%"))),
            (
                "hive_filter_field_params__a.b = \"c\"",
                compare("hive_filter_field_params__a.b", Eq, text("c")),
            ),
        ] {
            assert_eq!(parse(written).unwrap(), read, "{written}");
        }
    }

    #[test]
    fn what_hive_does_not_read_is_an_error() {
        let deep = format!("{}n = 1{}", "(".repeat(5_000), ")".repeat(5_000));
        for written in [
            "n",
            "n =",
            "= 1",
            "n = 1 and",
            "not n = 1",
            "n is null",
            "n = 1.5",
            "n = 'a",
            "(n = 1",
            "n = 1)",
            "n in (1)",
            "(n) in ()",
            "n like 5",
            "n = 99999999999999999999",
            "n = m",
            "d = 2024-1-1",
            "n ; 1",
            "(struct(a,b)) in (const struct(1))",
            "\u{1F600} = 1",
            &deep,
        ] {
            let error = parse(written).unwrap_err();
            let ServiceError::Exception(exception) = error else { panic!("{written}") };
            assert!(exception.message.starts_with("Error parsing partition filter"), "{written}");
            assert!(exception.message.len() < 200);
        }
    }
}
