//! Messages of real clients and of a real server: the tables must know every field in them.

use super::{decoded, encoded};
use crate::hive_metastore::dispatch::{MethodVisitor, RESULT_FIELD, SampleValue};
use crate::hive_metastore::methods::visit_methods;
use crate::hive_metastore::types::ExceptionMessage;
use crate::hive_metastore::{Method, Wire};
use std::collections::{BTreeMap, BTreeSet};
use thrift::protocol::{TBinaryInputProtocol, TInputProtocol, TMessageType, TType};

const RECORDED: &str = include_str!("../../../tests/data/hive_2_3_9.hex");

/// A value as the bytes tell it, without any table.
#[derive(Debug, Clone, PartialEq)]
enum Tree {
    Number(i64),
    Double(f64),
    Bytes(Vec<u8>),
    List(Vec<Self>),
    Map(Vec<(Self, Self)>),
    Struct(BTreeMap<i16, Self>),
}

impl Tree {
    fn read(input: &mut dyn TInputProtocol, wire_type: TType) -> Self {
        match wire_type {
            TType::Bool | TType::I08 => Self::Number(input.read_i8().unwrap().into()),
            TType::I16 => Self::Number(input.read_i16().unwrap().into()),
            TType::I32 => Self::Number(input.read_i32().unwrap().into()),
            TType::I64 => Self::Number(input.read_i64().unwrap()),
            TType::Double => Self::Double(input.read_double().unwrap()),
            TType::String => Self::Bytes(input.read_bytes().unwrap()),
            TType::List | TType::Set => {
                let list = input.read_list_begin().unwrap();
                Self::List((0..list.size).map(|_| Self::read(input, list.element_type)).collect())
            }
            TType::Map => {
                let map = input.read_map_begin().unwrap();
                let mut entry = || {
                    let key = Self::read(input, map.key_type.unwrap());
                    (key, Self::read(input, map.value_type.unwrap()))
                };
                let mut entries: Vec<_> = (0..map.size).map(|_| entry()).collect();
                entries.sort_by_key(|(key, _)| format!("{key:?}"));
                Self::Map(entries)
            }
            TType::Struct => {
                let mut fields = BTreeMap::new();
                loop {
                    let field = input.read_field_begin().unwrap();
                    if field.field_type == TType::Stop {
                        return Self::Struct(fields);
                    }
                    fields.insert(field.id.unwrap(), Self::read(input, field.field_type));
                }
            }
            other => panic!("{other:?} in a recorded message"),
        }
    }

    fn of(bytes: &[u8], wire_type: TType) -> Self {
        Self::read(&mut TBinaryInputProtocol::new(bytes, true), wire_type)
    }

    /// Whether all of this is in `other` too, which may have more fields: those that are always
    /// written. The fields that we leave out are there as -1 in what Python sends.
    fn is_in(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Struct(fields), Self::Struct(others)) => fields.iter().all(|(id, tree)| {
                others.get(id).map_or_else(|| *tree == Self::Number(-1), |other| tree.is_in(other))
            }),
            (Self::List(items), Self::List(others)) => {
                items.len() == others.len()
                    && items.iter().zip(others).all(|(item, other)| item.is_in(other))
            }
            (Self::Map(entries), Self::Map(others)) => {
                entries.len() == others.len()
                    && entries.iter().zip(others).all(|((key, value), (other_key, other))| {
                        key == other_key && value.is_in(other)
                    })
            }
            _ => self == other,
        }
    }
}

/// A call or an answer.
struct Message {
    name: String,
    message_type: TMessageType,
    body: Vec<u8>,
}

impl Message {
    fn parse(hex: &str) -> Self {
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        let mut rest = &bytes[..];
        let head = TBinaryInputProtocol::new(&mut rest, true).read_message_begin().unwrap();
        Self { name: head.name, message_type: head.message_type, body: rest.to_vec() }
    }
}

/// Looks at the exchanges of one method after the other.
struct Exchanges {
    recorded: Vec<(Message, Message)>,
    methods: BTreeSet<&'static str>,
    exceptions: usize,
}

fn check<T: Wire + std::fmt::Debug>(what: &str, bytes: &[u8]) {
    let value: T = decoded(bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
    let before = Tree::of(bytes, T::TYPE);
    let after = Tree::of(&encoded(&value), T::TYPE);
    assert!(before.is_in(&after), "{what}: {value:?} of {before:?}");
}

impl MethodVisitor for Exchanges {
    fn visit<M: Method + SampleValue>(&mut self)
    where
        M::Reply: SampleValue,
    {
        for (call, answer) in self.recorded.iter().filter(|(call, _)| call.name == M::NAME) {
            check::<M>(M::NAME, &call.body);
            assert_eq!(answer.name, M::NAME);
            if answer.message_type == TMessageType::Exception {
                continue;
            }
            self.methods.insert(M::NAME);
            // The answer's struct has one field, or none.
            match answer.body[..] {
                [0] => assert_eq!(M::Reply::TYPE, TType::Void, "{}", M::NAME),
                [_, high, low, ref value @ ..] => {
                    let id = i16::from_be_bytes([high, low]);
                    if id == RESULT_FIELD {
                        check::<M::Reply>(M::NAME, value);
                        continue;
                    }
                    assert!(M::THROWS.iter().any(|(thrown, _)| *thrown == id), "{}", M::NAME);
                    check::<ExceptionMessage>(M::NAME, value);
                    self.exceptions += 1;
                }
                _ => panic!("{}: {:?}", M::NAME, answer.body),
            }
        }
    }
}

#[test]
fn every_field_of_recorded_messages_is_known() {
    let mut messages = RECORDED.lines().filter_map(|line| match line.split_at(2) {
        ("> " | "< ", hex) => Some(Message::parse(hex)),
        _ => None,
    });
    let mut recorded = Vec::new();
    while let (Some(call), Some(answer)) = (messages.next(), messages.next()) {
        recorded.push((call, answer));
    }
    let mut exchanges = Exchanges { recorded, methods: BTreeSet::new(), exceptions: 0 };
    visit_methods(&mut exchanges);
    assert_eq!(exchanges.recorded.len(), 104);
    assert_eq!((exchanges.methods.len(), exchanges.exceptions), (89, 14));
}
