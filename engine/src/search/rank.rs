//! Which texts match best: BM25 (Robertson and Zaragoza, 2009) over the fields of each object.
//!
//! There is no inverted index: to look at every word of 10,000 tables takes some tens of
//! milliseconds (docs/adr/0009).

use super::documents::{DocumentKind, Named, SchemaDocuments};
use super::words::{QueryWord, words};
use quern_catalog::model::{Annotation, AnnotationKind};
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// BM25's saturation of frequency and weight of length, as is usual.
const K1: f32 = 1.2;
const B: f32 = 0.5;

/// Where a word was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextField {
    Name,
    Tag,
    Term,
    Sensitivity,
    Comment,
}

impl TextField {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Tag => "tag",
            Self::Term => "term",
            Self::Sensitivity => "sensitivity",
            Self::Comment => "comment",
        }
    }

    /// What a match in it is worth.
    const fn weight(self) -> f32 {
        match self {
            Self::Name => 3.0,
            Self::Tag | Self::Term => 2.5,
            Self::Sensitivity | Self::Comment => 1.0,
        }
    }

    /// How many words it has, usually.
    const fn usual_length(self) -> f32 {
        match self {
            Self::Name => 2.0,
            Self::Tag | Self::Term | Self::Sensitivity => 1.5,
            Self::Comment => 8.0,
        }
    }
}

/// The texts of a schema of a catalog.
#[derive(Debug, Clone)]
pub(super) struct CatalogSchema {
    pub(super) catalog: Arc<str>,
    pub(super) documents: Arc<SchemaDocuments>,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hit {
    pub(super) kind: DocumentKind,
    pub(super) catalog: String,
    pub(super) schema: String,
    /// Table, view or model; empty for a schema.
    pub(super) name: String,
    pub(super) column: String,
    pub(super) field: TextField,
    pub(super) text: String,
    pub(super) score: f32,
}

/// What people say of objects, by schema, table and column.
#[derive(Default)]
struct Said<'a> {
    schemas: HashMap<(&'a str, &'a str), SaidInSchema<'a>>,
}

type SaidInSchema<'a> = HashMap<(&'a str, &'a str), Vec<&'a Annotation>>;

impl<'a> Said<'a> {
    fn new(annotations: &'a [Annotation]) -> Self {
        let mut said = Self::default();
        for annotation in annotations {
            let object = &annotation.object;
            said.schemas
                .entry((&object.catalog, &object.schema))
                .or_default()
                .entry((&object.table, &object.column))
                .or_default()
                .push(annotation);
        }
        said
    }
}

/// An object whose texts are looked through.
#[derive(Clone, Copy)]
struct Document<'a> {
    kind: DocumentKind,
    schema: &'a CatalogSchema,
    name: &'a str,
    column: &'a str,
    named: &'a Named,
}

impl Document<'_> {
    fn names(&self) -> [&str; 5] {
        let schema = &self.schema.documents.schema.name;
        [&self.schema.catalog, schema, self.name, self.column, self.kind.name()]
    }
}

/// An object that matches, before it is known how rare the words are.
struct Candidate<'a> {
    document: Document<'a>,
    field: TextField,
    text: &'a str,
    /// Of each word of the query.
    scores: Vec<f32>,
}

/// The best hits, at most `max`, the best first.
pub(super) fn rank(
    query: &[QueryWord],
    schemas: &[CatalogSchema],
    annotations: &[Annotation],
    max: usize,
) -> Vec<Hit> {
    let said = Said::new(annotations);
    let mut n_documents = 0_usize;
    let mut candidates = vec![];
    for schema in schemas {
        let key = (schema.catalog.as_ref(), schema.documents.schema.name.as_ref());
        let said = said.schemas.get(&key);
        n_documents += schema.documents.n_objects();
        for_each_document(query, schema, said, |document| {
            candidates.extend(look_at(query, document, said));
        });
    }
    let rarity = rarities(query.len(), n_documents, &candidates);
    let mut scored: Vec<(f32, &Candidate<'_>)> =
        candidates.iter().map(|candidate| (score(candidate, &rarity), candidate)).collect();
    scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then_with(|| by_name(a.1, b.1)));
    scored.into_iter().take(max).map(|(score, candidate)| hit(candidate, score)).collect()
}

/// Shows the objects that may match.
fn for_each_document<'a>(
    query: &[QueryWord],
    schema: &'a CatalogSchema,
    said: Option<&SaidInSchema<'a>>,
    mut see: impl FnMut(Document<'a>),
) {
    let annotated: HashSet<&str> =
        said.into_iter().flat_map(HashMap::keys).map(|(table, _)| *table).collect();
    let documents = schema.documents.as_ref();
    let document = |kind, name, column, named| Document { kind, schema, name, column, named };
    see(document(DocumentKind::Schema, "", "", &documents.schema));
    for table in &documents.tables {
        let kind = if table.is_view { DocumentKind::View } else { DocumentKind::Table };
        let name = table.table.name.as_ref();
        let in_texts = query.iter().any(|wanted| wanted.may_match(&table.all));
        if !in_texts && !annotated.contains(name) {
            continue;
        }
        see(document(kind, name, "", &table.table));
        for column in &table.columns {
            see(document(DocumentKind::Column, name, column.name.as_ref(), column));
        }
    }
    for model in &documents.models {
        see(document(DocumentKind::Model, model.name.as_ref(), "", model));
    }
}

fn look_at<'a>(
    query: &[QueryWord],
    document: Document<'a>,
    said: Option<&SaidInSchema<'a>>,
) -> Option<Candidate<'a>> {
    let mut found: Option<Candidate<'a>> = None;
    let mut best = 0.0;
    let mut look = |field: TextField, text: &'a str| {
        let scores = field_scores(query, field, text);
        let total: f32 = scores.iter().flatten().sum();
        let Some(scores) = scores else { return };
        let candidate = found.get_or_insert_with(|| {
            let scores = vec![0.0; query.len()];
            Candidate { document, field, text, scores }
        });
        for (sum, score) in candidate.scores.iter_mut().zip(scores) {
            *sum += score;
        }
        if total > best {
            best = total;
            (candidate.field, candidate.text) = (field, text);
        }
    };
    look(TextField::Name, &document.named.name);
    if let Some(comment) = &document.named.comment {
        look(TextField::Comment, comment);
    }
    // Models are not annotated; a table may have the name of one.
    let is_annotated = document.kind != DocumentKind::Model;
    if let Some(said) = said.filter(|_| is_annotated) {
        for annotation in said.get(&(document.name, document.column)).into_iter().flatten() {
            match annotation.kind {
                AnnotationKind::Tag => {
                    look(TextField::Tag, &annotation.name);
                    if let Some(value) = &annotation.value {
                        look(TextField::Tag, value);
                    }
                }
                AnnotationKind::Term => look(TextField::Term, &annotation.name),
                AnnotationKind::Sensitivity => {
                    look(TextField::Sensitivity, annotation.value.as_deref().unwrap_or_default());
                }
            }
        }
    }
    found
}

/// The score of each word of the query in one text; none when there is none of them.
fn field_scores(query: &[QueryWord], field: TextField, text: &str) -> Option<Vec<f32>> {
    let mut frequencies: Option<Vec<f32>> = None;
    let mut length = 0.0;
    for word in words(text) {
        length += 1.0;
        for (i, wanted) in query.iter().enumerate() {
            if let Some(found) = wanted.matches(word) {
                let frequencies = frequencies.get_or_insert_with(|| vec![0.0; query.len()]);
                if let Some(frequency) = frequencies.get_mut(i) {
                    *frequency += found.worth();
                }
            }
        }
    }
    let norm = K1 * (1.0 - B + B * length / field.usual_length());
    let mut scores = frequencies?;
    for score in &mut scores {
        *score = field.weight() * *score * (K1 + 1.0) / (*score + norm);
    }
    Some(scores)
}

/// How rare each word of the query is.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of objects, of which the logarithm is taken"
)]
fn rarities(n_words: usize, n_documents: usize, candidates: &[Candidate<'_>]) -> Vec<f32> {
    let with_word = |word: usize| {
        let has = |candidate: &&Candidate<'_>| candidate.scores.get(word).is_some_and(|s| *s > 0.0);
        candidates.iter().filter(has).count() as f32
    };
    let all = n_documents as f32;
    (0..n_words)
        .map(|word| {
            let n = with_word(word);
            (1.0 + (all - n + 0.5) / (n + 0.5)).ln()
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "at most the words of one query")]
fn score(candidate: &Candidate<'_>, rarity: &[f32]) -> f32 {
    let sum: f32 = candidate.scores.iter().zip(rarity).map(|(score, rarity)| score * rarity).sum();
    let n_found = candidate.scores.iter().filter(|score| **score > 0.0).count();
    // An object with all words comes before one that has one of them often.
    let share = n_found as f32 / rarity.len().max(1) as f32;
    sum * share * kind_weight(candidate.document.kind)
}

/// A table is more of an answer than one of its columns.
const fn kind_weight(kind: DocumentKind) -> f32 {
    match kind {
        DocumentKind::Table | DocumentKind::View | DocumentKind::Model => 1.2,
        DocumentKind::Schema => 1.1,
        DocumentKind::Column => 1.0,
    }
}

/// Makes the order of equal scores the same each time.
fn by_name(a: &Candidate<'_>, b: &Candidate<'_>) -> Ordering {
    a.document.names().cmp(&b.document.names())
}

fn hit(candidate: &Candidate<'_>, score: f32) -> Hit {
    let document = &candidate.document;
    Hit {
        kind: document.kind,
        catalog: document.schema.catalog.as_ref().to_owned(),
        schema: document.schema.documents.schema.name.as_ref().to_owned(),
        name: document.name.to_owned(),
        column: document.column.to_owned(),
        field: candidate.field,
        text: candidate.text.to_owned(),
        score,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::documents::TableDocument;
    use quern_catalog::model::ObjectName;

    fn schema(tables: &[(&str, &str, &[&str])]) -> CatalogSchema {
        let tables = tables.iter().map(|(name, comment, columns)| {
            let columns = columns.iter().map(|name| Named::new(name, None)).collect();
            TableDocument::new(Named::new(name, Some(comment)), false, columns)
        });
        let documents = SchemaDocuments {
            schema: Named::new("shop", None),
            tables: tables.collect(),
            models: vec![Named::new("orders", None)],
            version: 0,
        };
        CatalogSchema { catalog: "hive".into(), documents: Arc::new(documents) }
    }

    /// `kind name.column field`, the best first.
    fn found(query: &str, schema: &CatalogSchema, annotations: &[Annotation]) -> Vec<String> {
        let query = QueryWord::all_of(query);
        let hits = rank(&query, std::slice::from_ref(schema), annotations, 10);
        let shown = hits.iter().map(|hit| {
            let column = if hit.column.is_empty() { "" } else { "." };
            let names = format!("{}{column}{}", hit.name, hit.column);
            format!("{} {names} {}", hit.kind.name(), hit.field.name())
        });
        shown.collect()
    }

    fn annotation(object: ObjectName, kind: AnnotationKind, name: &str) -> Annotation {
        let (set_by, value) = (String::new(), None);
        Annotation { object, kind, name: name.to_owned(), value, set_by, set_time: 0 }
    }

    #[test]
    fn whole_words_in_names_come_first() {
        let schema = schema(&[
            ("customerchurn", "", &[]),
            ("churn", "", &[]),
            ("churned", "", &[]),
            ("a", "who will churn", &[]),
            ("b", "", &["churn"]),
            ("c", "unrelated", &["d"]),
        ]);
        let expected = [
            "table churn name",
            "column b.churn name",
            "table churned name",
            "table customerchurn name",
            "table a comment",
        ];
        assert_eq!(found("CHURN", &schema, &[]), expected);
    }

    #[test]
    fn objects_with_more_of_the_words_come_first() {
        let schema = schema(&[
            ("orders", "", &["amount"]),
            ("amounts", "of orders", &[]),
            ("order_amounts", "", &[]),
        ]);
        let found = found("order amount", &schema, &[]);
        assert_eq!(found[..2], ["table order_amounts name", "table amounts name"]);
        assert_eq!(found.len(), 5, "{found:?}");
    }

    #[test]
    fn what_people_say_is_found_on_its_object_only() {
        let schema = schema(&[("orders", "", &["email"]), ("t", "", &[])]);
        let orders = |column| ObjectName::column("hive", "shop", "orders", column);
        let said = [
            annotation(ObjectName::schema("hive", "shop"), AnnotationKind::Tag, "gold"),
            annotation(orders(""), AnnotationKind::Term, "net revenue"),
            annotation(orders("email"), AnnotationKind::Tag, "gold"),
            annotation(ObjectName::table("lake", "shop", "t"), AnnotationKind::Tag, "gold"),
        ];
        assert_eq!(found("gold", &schema, &said), ["schema  tag", "column orders.email tag"]);
        // Not on the model of the same name.
        assert_eq!(found("revenue", &schema, &said), ["table orders term"]);
        assert_eq!(found("orders", &schema, &said), ["model orders name", "table orders name"]);
    }

    #[test]
    fn only_the_best_are_returned() {
        let schema = schema(&[("a", "x", &["x1", "x2"]), ("x", "", &["x3"])]);
        let query = QueryWord::all_of("x");
        let hits = rank(&query, &[schema], &[], 1);
        assert_eq!(hits.iter().map(|hit| hit.name.as_str()).collect::<Vec<_>>(), ["x"]);
    }
}
