//! Round trips of every type, and bytes that are no messages.

mod recorded;

use super::dispatch::{MethodVisitor, SampleValue, serve};
use super::methods::{GetPartitions, GetTable, GetTables, HiveMetastoreService, visit_methods};
use super::types::{AddPartitionsRequest, GetTableRequest, LockComponent, LockType, Partition};
use super::types::{FieldSchema, GetOpenTxnsResponse, Properties, Table};
use super::wire::MemoryPool;
use super::wire::sample::{Draw, Sample};
use super::{Binary, Input, Method, Output, ServiceError, Wire, WireError, WireLimits};
use thrift::protocol::{TMessageIdentifier, TMessageType};

/// Each run draws other values; a failure prints the seed, which can be set here.
fn seed() -> u64 {
    let seed = rand::random();
    println!("seed {seed}");
    seed
}

fn encoded<T: Wire>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.write(&mut Output::new(&mut bytes, true)).unwrap();
    bytes
}

fn decoded<T: Wire>(bytes: &[u8]) -> Result<T, WireError> {
    decoded_within(bytes, &WireLimits::default())
}

fn decoded_within<T: Wire>(mut bytes: &[u8], limits: &WireLimits) -> Result<T, WireError> {
    let length = bytes.len();
    let mut input = Input::new(&mut bytes, length, limits, &MemoryPool::new(1 << 30));
    let value = T::read(&mut input)?;
    input.check_faults()?;
    Ok(value)
}

fn call<M: Method>(args: &M) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut output = Output::new(&mut bytes, true);
    output.message_begin(&TMessageIdentifier::new(M::NAME, TMessageType::Call, 7)).unwrap();
    args.write(&mut output).unwrap();
    bytes
}

/// Answers calls with random values.
struct Random(Draw);

impl HiveMetastoreService for Random {
    fn get_table(&mut self, _: GetTable) -> Result<Table, ServiceError> {
        Ok(Table::sample(&mut self.0))
    }
}

/// Handles one message that is in memory and returns the answer's bytes.
fn answer(mut bytes: &[u8]) -> (Result<(), WireError>, Vec<u8>) {
    let length = bytes.len();
    let pool = MemoryPool::new(64 << 20);
    let limits = WireLimits { memory_max_bytes: 1 << 20, ..WireLimits::default() };
    let mut input = Input::new(&mut bytes, length, &limits, &pool);
    let mut answer = Vec::new();
    let mut output = Output::new(&mut answer, true);
    let served = serve(&mut Random(Draw::new(1)), &mut input, &mut output);
    drop(input);
    assert_eq!(pool.left_bytes(), 64 << 20, "memory is given back");
    (served, answer)
}

struct RoundTrips {
    draw: Draw,
    methods: usize,
}

impl RoundTrips {
    fn there_and_back<T: SampleValue>(&mut self) {
        for _ in 0..20 {
            let value = T::sample(&mut self.draw);
            assert_eq!(decoded::<T>(&encoded(&value)).unwrap(), value);
        }
    }
}

impl MethodVisitor for RoundTrips {
    fn visit<M: Method + SampleValue>(&mut self)
    where
        M::Reply: SampleValue,
    {
        self.there_and_back::<M>();
        self.there_and_back::<M::Reply>();
        self.methods += 1;
    }
}

#[test]
fn every_type_survives_the_wire() {
    let mut trips = RoundTrips { draw: Draw::new(seed()), methods: 0 };
    visit_methods(&mut trips);
    assert_eq!(trips.methods, 123);
}

#[test]
fn a_cut_message_is_an_error_wherever_it_is_cut() {
    let mut draw = Draw::new(seed());
    let request = AddPartitionsRequest {
        parts: vec![Partition::sample(&mut draw), Partition::sample(&mut draw)],
        ..AddPartitionsRequest::sample(&mut draw)
    };
    let bytes = encoded(&request);
    for end in 0..bytes.len() {
        assert!(decoded::<AddPartitionsRequest>(&bytes[..end]).is_err(), "cut at {end}");
    }
}

/// Draws bytes that were a message of each method before some of them were changed.
struct Mutations(Draw);

impl MethodVisitor for Mutations {
    fn visit<M: Method + SampleValue>(&mut self)
    where
        M::Reply: SampleValue,
    {
        for _ in 0..30 {
            let mut bytes = call(&M::sample(&mut self.0));
            for _ in 0..=self.0.below(4) {
                let at = self.0.below(bytes.len());
                bytes[at] = u8::try_from(self.0.below(256)).unwrap();
            }
            // An error or an answer; what counts is that it ends and gives its memory back.
            let _ = answer(&bytes);
            let _ = decoded::<M::Reply>(&bytes[4 + 4 + M::NAME.len() + 4..]);
        }
    }
}

#[test]
fn changed_and_random_bytes_do_no_harm() {
    let mut mutations = Mutations(Draw::new(seed()));
    visit_methods(&mut mutations);
    for _ in 0..20_000 {
        let length = mutations.0.below(64);
        let bytes: Vec<u8> =
            (0..length).map(|_| u8::try_from(mutations.0.below(256)).unwrap()).collect();
        let _ = answer(&bytes);
    }
}

/// A struct with one field of this id and wire type, and its value.
fn field(wire_type: u8, id: u8, value: &[u8]) -> Vec<u8> {
    [&[wire_type, 0, id], value, &[0]].concat()
}

const STRING: u8 = 11;
const STRUCT: u8 = 12;
const MAP: u8 = 13;
const LIST: u8 = 15;

#[test]
fn sizes_that_are_only_claimed_are_refused() {
    let refusal = |bytes: &[u8]| decoded::<Table>(bytes).unwrap_err().to_string();
    let huge = i32::MAX.to_be_bytes();
    assert!(refusal(&field(STRING, 1, &huge)).contains("maximum allowed size"));
    assert!(refusal(&field(STRING, 1, &[0xff; 4])).contains("Negative"));
    let claims = |wire_type: u8, types: &[u8], size: [u8; 4]| {
        refusal(&field(wire_type, if wire_type == MAP { 9 } else { 8 }, &[types, &size].concat()))
    };
    assert!(claims(LIST, &[STRUCT], huge).contains("maximum allowed size"));
    assert!(claims(LIST, &[STRUCT], [0xff; 4]).contains("Negative"));
    assert!(claims(MAP, &[STRING, STRING], huge).contains("maximum allowed size"));
    // Fields that are read over are bounded as well.
    let unknown = [&[STRING, 0, 99][..], &huge].concat();
    assert!(refusal(&unknown).contains("maximum allowed size"));
}

#[test]
fn small_bytes_cannot_take_much_memory() {
    // A million empty partitions: each is one byte here and hundreds in memory.
    let mut bytes = vec![LIST, 0, 3, STRUCT];
    bytes.extend(1_000_000_i32.to_be_bytes());
    bytes.extend(vec![0; 1_000_000]);
    bytes.push(0);
    let limits = WireLimits { memory_max_bytes: 1 << 20, ..WireLimits::default() };
    let refusal = decoded_within::<AddPartitionsRequest>(&bytes, &limits).unwrap_err();
    assert!(refusal.to_string().contains("bytes of memory"), "{refusal}");
}

#[test]
fn nesting_has_an_end() {
    // An unknown field of structs in structs, ten thousand deep.
    let deep: Vec<u8> = [STRUCT, 0, 99].repeat(10_000);
    assert!(matches!(decoded::<Table>(&deep), Err(WireError::Malformed(_))));
    let lists = [&[LIST, 0, 99][..], &[LIST, 0, 0, 0, 1].repeat(10_000)].concat();
    assert!(matches!(decoded::<Table>(&lists), Err(WireError::Malformed(_))));
}

#[test]
fn a_field_that_is_unknown_or_of_another_type_is_read_over() {
    let schema = FieldSchema { name: Some("a".to_owned()), ..FieldSchema::default() };
    let mut bytes = field(STRING, 99, &[0, 0, 0, 1, b'x']);
    bytes.pop();
    // Field 2, the type, as a number.
    bytes.extend([8, 0, 2, 0, 0, 0, 7]);
    bytes.extend(encoded(&schema));
    assert_eq!(decoded::<FieldSchema>(&bytes).unwrap(), schema);
}

#[test]
fn what_breaks_a_rule_is_read_to_its_end() {
    let invalid = |bytes: &[u8]| match decoded::<GetTableRequest>(bytes).unwrap_err() {
        WireError::Invalid(why) => why,
        other => panic!("{other}"),
    };
    let request = encoded(&GetTableRequest::default());
    assert!(decoded::<GetTableRequest>(&request).is_ok());
    // Without the field 2, which begins after the empty field 1.
    let missing = [&request[..7], &[0]].concat();
    assert_eq!(invalid(&missing), "GetTableRequest has no tbl_name");
    // A list of numbers where a list of structs belongs, and then the rest.
    let schemas = [&[LIST, 0, 8, 8, 0, 0, 0, 1, 1, 2, 3, 4][..], &encoded(&Table::default())];
    let error = decoded::<Table>(&schemas.concat()).unwrap_err();
    assert_eq!(error.to_string(), "invalid message: a list of Struct has I32");
    let text = field(STRING, 1, &[0, 0, 0, 2, 0xff, 0xfe]);
    let error = decoded::<FieldSchema>(&text).unwrap_err();
    assert_eq!(error.to_string(), "invalid message: a text is no UTF-8");
}

#[test]
fn an_empty_container_may_say_any_type() {
    let mut bytes = vec![LIST, 0, 8, 0, 0, 0, 0, 0, MAP, 0, 9, 0, 0, 0, 0, 0, 0];
    bytes.push(0);
    let table = decoded::<Table>(&bytes).unwrap();
    assert_eq!(table.partition_keys, Some(Vec::new()));
    assert_eq!(table.parameters, Some(Properties::new()));
}

#[test]
fn numbers_of_enums_that_are_unknown_are_kept() {
    let component = LockComponent { lock_type: LockType::Unknown(9), ..LockComponent::default() };
    assert_eq!(decoded::<LockComponent>(&encoded(&component)).unwrap(), component);
    assert_eq!(decoded::<LockType>(&4_i32.to_be_bytes()).unwrap(), LockType::ExclWrite);
}

#[test]
fn a_set_is_read_as_a_list() {
    let mut transactions = GetOpenTxnsResponse { open_txns: vec![3], ..Default::default() };
    let mut bytes = encoded(&transactions);
    // Hive 2.3 says set (14) where later versions say list.
    let position = bytes.iter().position(|byte| *byte == LIST).unwrap();
    bytes[position] = 14;
    transactions.aborted_bits = None;
    assert_eq!(decoded::<GetOpenTxnsResponse>(&bytes).unwrap(), transactions);
}

#[test]
fn defaults_are_those_of_hive() {
    assert_eq!(decoded::<GetPartitions>(&[0]).unwrap().max_parts, -1);
    assert!(matches!(decoded::<AddPartitionsRequest>(&[0]), Err(WireError::Invalid(_))));
    assert!(AddPartitionsRequest::default().need_result);
    assert_eq!(decoded::<GetTables>(&[0]).unwrap(), GetTables::default());
    assert_eq!(Binary::default(), Binary(Vec::new()));
}
