//! The beginning of a connection: who it is, and that it may ask. Where reading is open no password is asked for; where it is
//! not, the password is an API key, the user and the database may be any.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion_postgres::pgwire::api::auth::{
    DefaultServerParameterProvider, StartupHandler, finish_authentication, protocol_negotiation,
    save_startup_parameters_to_metadata,
};
use datafusion_postgres::pgwire::api::{
    ClientInfo, PgWireConnectionState, PidSecretKeyGenerator, RandomPidSecretKeyGenerator,
};
use datafusion_postgres::pgwire::error::{PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::startup::Authentication;
use datafusion_postgres::pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use futures_util::{Sink, SinkExt};
use kernel_query::SCHEMA;

use super::connection::Connection;
use super::settings::SERVER_VERSION;
use super::status::fatal;
use crate::door::Refusal;

const WRONG_PASSWORD: &str = "28P01";

#[async_trait]
impl StartupHandler for Connection {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let key = match message {
            PgWireFrontendMessage::Startup(startup) => {
                protocol_negotiation(client, &startup).await?;
                save_startup_parameters_to_metadata(client, &startup);
                client.set_state(PgWireConnectionState::AuthenticationInProgress);
                None
            }
            PgWireFrontendMessage::PasswordMessageFamily(password) => Some(password.into_password()?.password),
            _ => return Ok(()),
        };
        match self.shared.door.admit(key.as_deref().filter(|key| !key.is_empty())) {
            Ok(session) => self.welcome(client, session).await,
            Err(Refusal::NoKey) if key.is_none() => {
                let ask = PgWireBackendMessage::Authentication(Authentication::CleartextPassword);
                Ok(client.send(ask).await?)
            }
            Err(refusal) => Err(fatal(WRONG_PASSWORD, refusal.to_string())),
        }
    }
}

impl Connection {
    async fn welcome<C>(&self, client: &mut C, session: crate::door::Session) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        self.begin(session)?;
        let (pid, secret) = self.shared.running.generator().generate(client);
        client.set_pid_and_secret_key(pid, secret.clone());
        self.known_as(pid, secret);
        let mut parameters = DefaultServerParameterProvider::default();
        parameters.server_version = SERVER_VERSION.to_owned();
        parameters.search_path = SCHEMA.to_owned();
        parameters.time_zone = "UTC".to_owned();
        parameters.is_superuser = false;
        parameters.default_transaction_read_only = true;
        finish_authentication(client, &parameters).await
    }
}

pub(super) fn generator() -> Arc<dyn PidSecretKeyGenerator> {
    Arc::new(RandomPidSecretKeyGenerator::default())
}
