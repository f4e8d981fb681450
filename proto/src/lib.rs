//! All that auth-service and api-service must agree on, and nothing else: the
//! gRPC contract, the payload of a token, API keys, and the kinds of errors.

pub mod api_key;
pub mod claims;
pub mod error_kind;

/// The gRPC contract between the two services, version 1.
pub mod accounts {
    #[allow(
        missing_docs,
        unreachable_pub,
        clippy::all,
        clippy::pedantic,
        clippy::str_to_string,
        clippy::allow_attributes_without_reason,
        clippy::allow_attributes,
        reason = "generated from accounts.proto, where the documentation is"
    )]
    mod generated {
        tonic::include_proto!("accounts.v1");
    }

    pub use generated::*;

    /// The encoded file descriptor set, for gRPC server reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] =
        include_bytes!(concat!(env!("OUT_DIR"), "/accounts.bin"));

    /// The most ids that one `BatchGetUsers` call may carry.
    pub const MAX_BATCH: usize = 500;
}
