//! Configures a client from environment variables.

use super::problem::Problem;
use connecteam_onboarding::ClientBuilder;

/// The help text about environment variables.
pub const HELP: &str = "
Environment:
  CONNECTEAM_API_KEY        the API key
  CONNECTEAM_CLIENT_ID      or, instead of a key: the client id of an OAuth app,
  CONNECTEAM_CLIENT_SECRET  and its secret
  CONNECTEAM_REGION         the region of the account: global (default) or australia
  CONNECTEAM_BASE_URL       or, instead of a region: the URL of the API or of a fake
";

pub fn client(program: &str) -> Result<ClientBuilder, Problem> {
    Ok(ClientBuilder::from_env()?.user_agent_suffix(program))
}
