use super::federated::FederatedSignIn;
use super::{Accounts, SignedIn};
use crate::Error;
use crate::model::account::ArtistProfile;
use crate::model::{Account, ArtistName, Email, NewAccount, PersonName, Role};
use crate::port::{UserStoreError, VerifiedIdentity};

/// Stands for a name that nobody has told: every account has two, and its owner can change them.
const UNTOLD: &str = "-";

impl Accounts {
    /// Makes an account without a password, and signs its owner in; `None` if the address or the
    /// identity was taken meanwhile.
    pub(super) async fn sign_up_federated(
        &self,
        verified: &VerifiedIdentity,
        email: Email,
        sign_in: &FederatedSignIn,
    ) -> Result<Option<SignedIn>, Error> {
        let context = &self.inner.context;
        let (first_name, last_name) = names(verified, &email)?;
        let mut account = Account {
            id: context.new_id(),
            email,
            email_verified: true,
            first_name,
            last_name,
            artist: None,
            created_at: context.now(),
        };
        if sign_in.role == Role::Artist {
            account.artist = Some(ArtistProfile { id: context.new_id(), name: artist_name(&account)? });
        }
        let (session, token) = self.begin_session(&account, sign_in.user_agent.clone()).await?;
        let events = [self.account_created(&account), self.proved(&account)];
        let identity = Some(verified.identity.clone());
        let new = NewAccount { account, password_hash: None, verification: None, identity };
        match self.inner.users.create_account(&new, &session, &events).await {
            Ok(()) => self.signed_in(new.account, session.id, &token).await.map(Some),
            Err(UserStoreError::EmailTaken | UserStoreError::IdentityTaken) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// The name that a new artist begins with.
fn artist_name(account: &Account) -> Result<ArtistName, Error> {
    let whole = account.display_name();
    let whole: String = whole.trim_end_matches([' ', '-']).chars().take(ArtistName::MAX_CHARS).collect();
    let name = ArtistName::parse(&whole).or_else(|_| ArtistName::parse(UNTOLD));
    name.map_err(|why| Error::internal(why.message))
}

/// First and last name, as far as the provider tells names that can stand here.
fn names(verified: &VerifiedIdentity, email: &Email) -> Result<(PersonName, PersonName), Error> {
    let whole = verified.name.as_deref().unwrap_or_default().trim();
    let (first, rest) = whole.split_once(char::is_whitespace).unwrap_or((whole, ""));
    let mailbox = email.as_str().split('@').next().unwrap_or_default();
    let given = verified.given_name.as_deref().unwrap_or_default();
    let family = verified.family_name.as_deref().unwrap_or_default();
    Ok((first_good([given, first, mailbox, UNTOLD])?, first_good([family, rest, UNTOLD, UNTOLD])?))
}

fn first_good(texts: [&str; 4]) -> Result<PersonName, Error> {
    let name = texts.into_iter().find_map(|text| PersonName::parse(text).ok());
    name.ok_or_else(|| Error::internal("the name of a person whose name is not told is no name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Identity;

    fn named(given: Option<&str>, family: Option<&str>, whole: Option<&str>) -> (String, String) {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let verified = VerifiedIdentity {
            identity: Identity::new("https://issuer.example", "1").unwrap(),
            email: None,
            email_verified: true,
            given_name: owned(given),
            family_name: owned(family),
            name: owned(whole),
        };
        let (first, last) = names(&verified, &Email::parse("ada.lovelace@example.com").unwrap()).unwrap();
        (first.into(), last.into())
    }

    #[test]
    fn everybody_has_two_names_that_can_stand_in_a_mail() {
        for (given, family, whole, first, last) in [
            (Some("Ada"), Some("Lovelace"), Some("Ada Lovelace"), "Ada", "Lovelace"),
            (None, None, Some("Ada King Lovelace"), "Ada", "King Lovelace"),
            (Some("Teller"), None, Some("Teller"), "Teller", "-"),
            (None, None, None, "-", "-"),
            (Some("win at evil.com"), Some("\u{202e}x"), None, "-", "-"),
            (Some(""), Some(" "), Some(" Zoë  夜 "), "Zoë", "夜"),
        ] {
            let found = named(given, family, whole);
            // The mailbox of the sample reads like a link, so it names nobody.
            assert_eq!((found.0.as_str(), found.1.as_str()), (first, last), "{given:?} {family:?} {whole:?}");
        }
    }
}
