use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use moodify_core::port::{
    Authorization, Clock, IdentityError, IdentityProvider, PendingSignIn, Rng, Unavailable, VerifiedIdentity,
};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdToken, CoreIdTokenClaims,
    CoreIdTokenVerifier, CoreProviderMetadata, CoreTokenResponse,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use url::Url;

use super::OidcConfig;
use super::error::{self, refused};
use super::issuer::Issuer;
use super::person;
use crate::web::Client;

/// Codes that are redeemed at a time: each is a request to the issuer, and anybody can send one.
const AT_ONCE: usize = 64;

type ClientOfIssuer = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// An [`IdentityProvider`] by OpenID Connect.
pub struct OidcProvider {
    config: OidcConfig,
    issuer: Issuer,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    redeeming: Semaphore,
}

impl OidcProvider {
    /// A client of this issuer, which is not asked yet.
    ///
    /// # Errors
    /// [`Unavailable`] if an authority that was given cannot be read.
    pub fn new(config: OidcConfig, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Result<Self, Unavailable> {
        let url = IssuerUrl::new(config.issuer.clone()).map_err(Unavailable::lasting)?;
        let web = Client::new(config.timeout, config.authorities.as_deref())?;
        let issuer = Issuer::new(url, web, clock.clone());
        Ok(Self { config, issuer, clock, rng, redeeming: Semaphore::new(AT_ONCE) })
    }

    /// All of it in the time of three requests.
    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, IdentityError>> + Send,
    ) -> Result<T, IdentityError> {
        let patience: Duration = self.config.timeout * 3;
        let late = || Unavailable::passing(format!("the issuer took longer than {patience:?}"));
        tokio::time::timeout(patience, work).await.unwrap_or_else(|_| Err(late().into()))
    }

    fn secret(&self) -> SecretString {
        let mut bytes = [0; 32];
        self.rng.fill(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
    }

    fn pending(&self) -> PendingSignIn {
        PendingSignIn { state: self.secret(), nonce: self.secret(), pkce_verifier: self.secret() }
    }

    fn client(
        &self,
        known: &CoreProviderMetadata,
        redirect_uri: &Url,
    ) -> Result<ClientOfIssuer, IdentityError> {
        let redirect_uri = RedirectUrl::new(redirect_uri.to_string()).map_err(Unavailable::lasting)?;
        let secret = ClientSecret::new(self.config.client_secret.expose_secret().to_owned());
        let id = ClientId::new(self.config.client_id.clone());
        let methods = known.token_endpoint_auth_methods_supported();
        // Where it is not said, the head of the request (OpenID Connect Discovery, 3).
        let in_head =
            methods.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let how = if in_head { AuthType::BasicAuth } else { AuthType::RequestBody };
        let client = CoreClient::from_provider_metadata(known.clone(), id, Some(secret));
        Ok(client.set_auth_type(how).set_redirect_uri(redirect_uri))
    }

    async fn redeem(
        &self,
        client: &ClientOfIssuer,
        pending: &PendingSignIn,
        code: &str,
    ) -> Result<CoreTokenResponse, IdentityError> {
        let full = |_| Unavailable::passing("too many sign-ins are being finished");
        let _place = self.redeeming.try_acquire().map_err(full)?;
        let verifier = PkceCodeVerifier::new(pending.pkce_verifier.expose_secret().to_owned());
        let request = client.exchange_code(AuthorizationCode::new(code.to_owned()));
        let request = request.map_err(Unavailable::lasting)?.set_pkce_verifier(verifier);
        request.request_async(&self.issuer).await.map_err(error::tokens)
    }

    async fn verified(
        &self,
        known: &Arc<CoreProviderMetadata>,
        token: &CoreIdToken,
        nonce: &Nonce,
    ) -> Result<CoreIdTokenClaims, IdentityError> {
        let claims = match self.verify(known, token, nonce) {
            Err(unknown) if error::is_unknown_key(&unknown) => match self.issuer.newer_than(known).await? {
                Some(newer) => self.verify(&newer, token, nonce),
                None => Err(unknown),
            },
            done => done,
        };
        let claims = claims.map_err(|why| error::claims(&why))?;
        let is_for_another = |party: &ClientId| party.as_str() != self.config.client_id;
        if claims.authorized_party().is_some_and(is_for_another) {
            return Err(refused("Invalid authorized party: the token was made for another client"));
        }
        Ok(claims)
    }

    /// Takes no algorithm with a shared secret: that is what a verifier without a secret does.
    fn verify(
        &self,
        known: &CoreProviderMetadata,
        token: &CoreIdToken,
        nonce: &Nonce,
    ) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
        let now = self.clock.now();
        // A moment that this type cannot hold is after every token's end.
        let now = DateTime::from_timestamp(now.as_second(), 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let id = ClientId::new(self.config.client_id.clone());
        let keys = known.jwks().clone();
        let verifier = CoreIdTokenVerifier::new_public_client(id, known.issuer().clone(), keys)
            .set_allowed_algs([self.config.algorithm.into()])
            .set_time_fn(move || now);
        token.claims(&verifier, nonce).cloned()
    }

    /// Whoever the token speaks of; what it does not tell, the userinfo endpoint may.
    async fn person(
        &self,
        known: &CoreProviderMetadata,
        claims: &CoreIdTokenClaims,
        tokens: &CoreTokenResponse,
    ) -> Result<VerifiedIdentity, IdentityError> {
        let person = person::of_token(claims)?;
        let Some(endpoint) = known.userinfo_endpoint().filter(|_| person.email.is_none()) else {
            return Ok(person);
        };
        let answer = self.issuer.fetch(person::question(endpoint, tokens.access_token())?).await?;
        let told = serde_json::from_slice(answer.body()).ok().filter(|_| answer.status().is_success());
        person::completed(
            person,
            told.ok_or_else(|| refused("the userinfo endpoint does not tell who it is"))?,
        )
    }
}

#[async_trait]
impl IdentityProvider for OidcProvider {
    async fn begin(&self, redirect_uri: &Url) -> Result<Authorization, IdentityError> {
        let work = async {
            let known = self.issuer.known().await?;
            let client = self.client(&known, redirect_uri)?;
            let pending = self.pending();
            let state = CsrfToken::new(pending.state.expose_secret().to_owned());
            let nonce = Nonce::new(pending.nonce.expose_secret().to_owned());
            let verifier = PkceCodeVerifier::new(pending.pkce_verifier.expose_secret().to_owned());
            let (url, _, _) = client
                .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state, move || nonce)
                .add_scope(Scope::new("email".to_owned()))
                .add_scope(Scope::new("profile".to_owned()))
                .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
                .url();
            Ok(Authorization { url, pending })
        };
        self.in_time(work).await
    }

    async fn finish(
        &self,
        pending: &PendingSignIn,
        redirect_uri: &Url,
        code: &str,
        issuer: Option<&str>,
    ) -> Result<VerifiedIdentity, IdentityError> {
        if issuer.is_some_and(|issuer| issuer != self.config.issuer) {
            return Err(refused("the callback comes from another issuer"));
        }
        let work = async {
            let known = self.issuer.known().await?;
            let client = self.client(&known, redirect_uri)?;
            let tokens = self.redeem(&client, pending, code).await?;
            let token = tokens.id_token().ok_or_else(|| refused("there is no identity token"))?;
            let nonce = Nonce::new(pending.nonce.expose_secret().to_owned());
            let claims = self.verified(&known, token, &nonce).await?;
            self.person(&known, &claims, &tokens).await
        };
        self.in_time(work).await
    }

    async fn check(&self) -> Result<(), IdentityError> {
        let work = async {
            let known = self.issuer.known().await?;
            let nowhere = Url::parse("http://localhost/").map_err(Unavailable::lasting)?;
            let client = self.client(&known, &nowhere)?;
            // A client that is known is told that the code is not good, any other that it is not known.
            match self.redeem(&client, &self.pending(), "is-anybody-there").await {
                Ok(_) | Err(IdentityError::Refused { .. }) => Ok(()),
                Err(error) => Err(error),
            }
        };
        self.in_time(work).await
    }
}
