//! What providers send.

use oauth2::{ExtraTokenFields, StandardTokenResponse, basic::BasicTokenType};
use serde::{Deserialize, Serialize};

/// The answer of a token endpoint (RFC 6749, section 5.1).
pub(super) type Tokens = StandardTokenResponse<MoreTokens, BasicTokenType>;

/// What providers add to it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MoreTokens {
    /// OpenID Connect Core, section 3.1.3.3.
    pub(super) id_token: Option<String>,
    /// Seconds; GitHub sends it.
    pub(super) refresh_token_expires_in: Option<u64>,
}

impl ExtraTokenFields for MoreTokens {}
