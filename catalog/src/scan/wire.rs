//! The form in which a scan travels inside a plan, whichever engine carries it.
//!
//! A scan writes its own bytes into the plan, past the codec that the plan is encoded with.
//! Ballista decodes with our codec alone, datafusion-distributed with a composition of its own
//! codec (position 0) and ours (position 1), which expects the position before the bytes. So
//! it is always there, and our codec takes it off when nobody else has.

use datafusion_common::{DataFusionError, Result};
use datafusion_proto_models::protobuf::physical_plan_node::PhysicalPlanType;
use datafusion_proto_models::protobuf::{PhysicalExtensionNode, PhysicalPlanNode};
use prost::Message;

/// The position of our codec in datafusion-distributed's composition.
const OUR_CODEC: u32 = 1;
/// The first byte of an [`Envelope`]: field 1, a variable-length integer. No scan's tag has it.
const ENVELOPE_START: u8 = 0x08;

/// DataFusion's `ComposedPhysicalExtensionCodec` writes and reads this.
#[derive(Clone, PartialEq, prost::Message)]
struct Envelope {
    #[prost(uint32, tag = "1")]
    codec: u32,
    #[prost(bytes = "vec", tag = "2")]
    node: Vec<u8>,
}

/// Makes a plan's node of a scan: `node` is the tag and what follows it.
pub(super) fn scan_node(node: Vec<u8>) -> PhysicalPlanNode {
    let node = Envelope { codec: OUR_CODEC, node }.encode_to_vec();
    let extension = PhysicalExtensionNode { node, inputs: vec![] };
    PhysicalPlanNode { physical_plan_type: Some(PhysicalPlanType::Extension(extension)) }
}

/// Returns the tag and what follows it, when `bytes` are a scan with its envelope on.
///
/// # Errors
/// When the envelope is damaged.
pub fn open_envelope(bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    if bytes.first() != Some(&ENVELOPE_START) {
        return Ok(None);
    }
    Envelope::decode(bytes)
        .map(|envelope| Some(envelope.node))
        .map_err(|err| DataFusionError::External(Box::new(err)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_opens_and_other_nodes_pass() {
        let node = scan_node(b"Pabc".to_vec());
        let Some(PhysicalPlanType::Extension(extension)) = node.physical_plan_type else {
            panic!("not an extension")
        };
        assert_eq!(open_envelope(&extension.node).unwrap().as_deref(), Some(&b"Pabc"[..]));
        assert_eq!(open_envelope(b"Pabc").unwrap(), None);
        assert!(open_envelope(&[ENVELOPE_START]).is_err());
    }
}
