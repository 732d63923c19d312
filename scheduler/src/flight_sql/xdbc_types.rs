//! The SQL types, as ODBC's and JDBC's type catalogues describe them.

use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType, XdbcDatetimeSubcode};
use quern_common::{Error, Result};

/// Builds the table of all types.
pub(crate) fn xdbc_types() -> Result<XdbcTypeInfoData> {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    numbers().into_iter().chain(texts()).chain(times()).for_each(|info| builder.append(info));
    builder.build().map_err(|err| Error::internal(format!("XdbcTypeInfo: {err}")))
}

fn base(name: &str, data_type: XdbcDataType, size: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.to_owned(),
        data_type,
        column_size: Some(size),
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Full,
        auto_increment: Some(false),
        local_type_name: Some(name.to_owned()),
        sql_data_type: data_type,
        ..XdbcTypeInfo::default()
    }
}

fn number(name: &str, data_type: XdbcDataType, size: i32, radix: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        unsigned_attribute: Some(false),
        num_prec_radix: Some(radix),
        minimum_scale: Some(0),
        maximum_scale: Some(0),
        ..base(name, data_type, size)
    }
}

fn numbers() -> Vec<XdbcTypeInfo> {
    let decimal = XdbcTypeInfo {
        create_params: Some(vec!["precision".to_owned(), "scale".to_owned()]),
        fixed_prec_scale: true,
        maximum_scale: Some(38),
        ..number("DECIMAL", XdbcDataType::XdbcDecimal, 38, 10)
    };
    vec![
        base("BOOLEAN", XdbcDataType::XdbcBit, 1),
        number("TINYINT", XdbcDataType::XdbcTinyint, 3, 10),
        number("SMALLINT", XdbcDataType::XdbcSmallint, 5, 10),
        number("INTEGER", XdbcDataType::XdbcInteger, 10, 10),
        number("BIGINT", XdbcDataType::XdbcBigint, 19, 10),
        number("REAL", XdbcDataType::XdbcReal, 24, 2),
        number("DOUBLE", XdbcDataType::XdbcDouble, 53, 2),
        decimal,
    ]
}

fn texts() -> Vec<XdbcTypeInfo> {
    let quoted = |prefix: &str, info| XdbcTypeInfo {
        literal_prefix: Some(prefix.to_owned()),
        literal_suffix: Some("'".to_owned()),
        auto_increment: None,
        ..info
    };
    let length = Some(vec!["length".to_owned()]);
    vec![
        XdbcTypeInfo {
            case_sensitive: true,
            create_params: length,
            ..quoted("'", base("VARCHAR", XdbcDataType::XdbcVarchar, i32::MAX))
        },
        quoted("X'", base("VARBINARY", XdbcDataType::XdbcVarbinary, i32::MAX)),
    ]
}

fn times() -> Vec<XdbcTypeInfo> {
    let time = |name: &str, prefix: &str, data_type, size, subcode| XdbcTypeInfo {
        literal_prefix: Some(format!("{prefix} '")),
        literal_suffix: Some("'".to_owned()),
        auto_increment: None,
        sql_data_type: XdbcDataType::XdbcDatetime,
        datetime_subcode: Some(subcode),
        ..base(name, data_type, size)
    };
    let scaled = |info| XdbcTypeInfo { minimum_scale: Some(0), maximum_scale: Some(9), ..info };
    // The protocol's subcode of a date has the number 1, which the enumeration calls YEAR.
    let (date, stamp) = (XdbcDatetimeSubcode::XdbcSubcodeYear, XdbcDataType::XdbcTimestamp);
    let local = XdbcDatetimeSubcode::XdbcSubcodeTimestamp;
    let zoned = XdbcDatetimeSubcode::XdbcSubcodeTimestampWithTimezone;
    vec![
        time("DATE", "DATE", XdbcDataType::XdbcDate, 10, date),
        scaled(time("TIMESTAMP", "TIMESTAMP", stamp, 29, local)),
        scaled(time("TIMESTAMP WITH TIME ZONE", "TIMESTAMP", stamp, 35, zoned)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_can_be_asked_for_one_by_one() {
        let types = xdbc_types().unwrap();
        assert_eq!(types.record_batch(None).unwrap().num_rows(), 13);
        let bigint = types.record_batch(XdbcDataType::XdbcBigint as i32).unwrap();
        assert_eq!(bigint.num_rows(), 1);
    }
}
