use super::*;
use crate::model::HIVE_DEFAULT_PARTITION;

fn holds(hive_type: &str, text: &str, op: CompareOp, value: PartitionValue) -> bool {
    let keys = [Column::new("k", hive_type)];
    let filter = PartitionFilter::Compare { key: "K".to_owned(), op, value };
    filter.matches(&keys, &[text.to_owned()]).unwrap()
}

#[test]
fn values_compare_as_their_type_says() {
    use CompareOp::{Eq, Gt, Lt};
    use PartitionValue::{Bool, Date, Decimal, Double, Int, Text, Timestamp};
    assert!(holds("int", "007", Eq, Int(7)));
    assert!(holds("bigint", "-10", Lt, Int(-9)));
    assert!(holds("string", "10", Lt, Text("9".to_owned())));
    assert!(!holds("string", "007", Eq, Text("7".to_owned())));
    assert!(holds("varchar(9)", "é", Gt, Text("z".to_owned())));
    assert!(holds("date", "2024-02-29", Eq, Date(19_782)));
    assert!(holds("date", "1969-12-31", Lt, Date(0)));
    assert!(holds("timestamp", "1970-01-01 00:00:01.5", Eq, Timestamp(1_500_000)));
    assert!(holds("timestamp", "1970-01-02", Gt, Timestamp(0)));
    assert!(holds("boolean", "TRUE", Eq, Bool(true)));
    assert!(holds("double", "-0", Eq, Double(0.0)));
    assert!(holds("double", "1e3", Gt, Int(999)));
    assert!(holds("decimal(10,2)", "1.50", Eq, Decimal("1.5".to_owned())));
    assert!(holds("decimal(10,2)", "-1.55", Lt, Decimal("-1.5".to_owned())));
    assert!(holds("decimal(10,2)", "10", Gt, Decimal("9.99".to_owned())));
    assert!(holds("decimal(10,2)", "-0.00", Eq, Int(0)));
}

#[test]
fn null_is_selected_by_is_null_alone() {
    let keys = [Column::new("k", "int")];
    let key = || "k".to_owned();
    let one = || PartitionValue::Int(1);
    for null in [HIVE_DEFAULT_PARTITION, ""] {
        let values = [null.to_owned()];
        for op in [CompareOp::Eq, CompareOp::NotEq, CompareOp::Lt, CompareOp::GtEq] {
            let filter = PartitionFilter::Compare { key: key(), op, value: one() };
            assert!(!filter.matches(&keys, &values).unwrap());
        }
        for (filter, expected) in [
            (PartitionFilter::IsNull { key: key() }, true),
            (PartitionFilter::IsNotNull { key: key() }, false),
            (PartitionFilter::In { key: key(), values: vec![one()] }, false),
            (PartitionFilter::Between { key: key(), low: one(), high: one() }, false),
            (PartitionFilter::All, true),
            (PartitionFilter::And(vec![]), true),
            (PartitionFilter::Or(vec![]), false),
        ] {
            assert_eq!(filter.matches(&keys, &values).unwrap(), expected, "{filter:?}");
        }
    }
}

#[test]
fn wrong_keys_types_and_values_are_named_errors() {
    let keys = [Column::new("k", "int"), Column::new("s", "string")];
    let values = ["1".to_owned(), "x".to_owned()];
    let compare = |key: &str, value| PartitionFilter::Compare {
        key: key.to_owned(),
        op: CompareOp::Eq,
        value,
    };
    let code = |filter: PartitionFilter, values: &[String]| {
        filter.matches(&keys, values).unwrap_err().code()
    };
    let int = PartitionValue::Int(1);
    assert_eq!(code(compare("nope", int.clone()), &values), ErrorCode::ColumnNotFound);
    assert_eq!(code(compare("s", int.clone()), &values), ErrorCode::TypeMismatch);
    // An error does not hide behind a short circuit.
    let hidden = PartitionFilter::Or(vec![PartitionFilter::All, compare("s", int.clone())]);
    assert_eq!(code(hidden, &values), ErrorCode::TypeMismatch);
    let text = PartitionFilter::LikePrefix { key: "k".to_owned(), prefix: "1".to_owned() };
    assert_eq!(code(text, &values), ErrorCode::TypeMismatch);
    for bad in ["x", "3000000000", " 1", "1.0"] {
        let values = [bad.to_owned(), "x".to_owned()];
        assert_eq!(
            code(compare("k", int.clone()), &values),
            ErrorCode::HiveInvalidPartitionValue,
            "{bad}"
        );
    }
    assert_eq!(code(PartitionFilter::All, &values[..1]), ErrorCode::HiveInvalidPartitionValue);
}

#[test]
fn long_chains_are_flat_and_deep_alternation_is_refused() {
    let keys = [Column::new("k", "int")];
    let leaf = |n| PartitionFilter::Compare {
        key: "k".to_owned(),
        op: CompareOp::Eq,
        value: PartitionValue::Int(n),
    };
    let chain = (0..1_000).fold(leaf(0), |chain, n| PartitionFilter::Or(vec![chain, leaf(n)]));
    assert!(chain.matches(&keys, &["999".to_owned()]).unwrap());
    assert!(!chain.matches(&keys, &["1000".to_owned()]).unwrap());
    let deep = (0..100).fold(leaf(0), |deep, n| {
        let pair = vec![deep, leaf(n)];
        if n % 2 == 0 { PartitionFilter::Or(pair) } else { PartitionFilter::And(pair) }
    });
    let err = deep.matches(&keys, &["1".to_owned()]).unwrap_err();
    assert_eq!(err.code(), ErrorCode::NotSupported);
}
