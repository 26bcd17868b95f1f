//! `token`, `register` and `introduce`: a person hands out the right to join, once and soon; whoever holds the
//! secret turns it into a computer with a certificate, or into a certificate of that person for
//! another machine of theirs. Or the person adds the computer.

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    names::{ComputerId, PersonId, Timestamp, Title},
    refusal::Refusal,
    world::{Computer, Site, Token, TokenDigest, World},
    write::{Note, Write},
};

/// Tokens that may wait to be used.
const TOKENS_MAX: usize = 1000;

/// This secret shall be good for one new computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueToken {
    /// The token.
    pub token: Token,
}

/// Make a computer of this name, and its certificate, by right of a token. A computer of this name
/// whose certificate was revoked is replaced: it gets a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// The digest of the secret that was shown.
    pub digest: TokenDigest,
    /// What people shall call the computer.
    pub title: Title,
}

/// A certificate for whoever handed out a token, by right of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introduce {
    /// The digest of the secret that was shown.
    pub digest: TokenDigest,
}

/// There shall be a computer of this name, without a certificate yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddComputer {
    /// What people call the computer.
    pub title: Title,
    /// Who adds it.
    pub person: PersonId,
}

pub(super) fn issue_token(
    world: &World,
    ask: &IssueToken,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    permit(world, actor, Deed::Invite(&ask.token.person))?;
    let expired = |token: &&Token| token.expires_at <= now;
    let mut writes: Vec<_> = world
        .tokens
        .values()
        .filter(expired)
        .map(|it| Write::RemoveToken(it.digest.clone()))
        .collect();
    if world.tokens.len() - writes.len() >= TOKENS_MAX {
        return Err(Refusal::TooManyTokens);
    }
    writes.push(Write::PutToken(ask.token.clone()));
    let what = format!("{} may let one computer join", ask.token.person);
    let note = Note { verb: "token".into(), what, instance: None, computer: None };
    Ok(Decision { answer: Answer::Done, writes, note })
}

fn usable<'w>(
    world: &'w World,
    digest: &TokenDigest,
    now: Timestamp,
) -> Result<&'w Token, Refusal> {
    let token = world.tokens.get(digest).filter(|token| token.expires_at > now);
    token.ok_or(Refusal::BadToken)
}

/// The token is the permission: nobody is known yet who could have another.
pub(super) fn register(world: &World, ask: &Register, now: Timestamp) -> Result<Decision, Refusal> {
    let token = usable(world, &ask.digest, now)?;
    let mut row = match titled(world, &ask.title) {
        Some(known) if known.certificate.is_some() => {
            return Err(Refusal::ComputerTitleTaken(ask.title.clone()));
        }
        Some(known) => known.clone(),
        None => new_computer(world, &ask.title),
    };
    row.certificate = Some(world.next_revision());
    let id = row.id.clone();
    let note = Note {
        verb: "register".into(),
        what: format!("{id} (`{}`) joins, invited by {}", ask.title, token.person),
        instance: None,
        computer: Some(id.clone()),
    };
    let writes = vec![Write::RemoveToken(ask.digest.clone()), Write::PutComputer(row)];
    Ok(Decision { answer: Answer::Computer(id), writes, note })
}

/// The token is the permission here too. The certificate has the number of this revision.
pub(super) fn introduce(
    world: &World,
    ask: &Introduce,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let person = usable(world, &ask.digest, now)?.person.clone();
    let what = format!("{person} gets a certificate");
    let note = Note { verb: "introduce".into(), what, instance: None, computer: None };
    let writes = vec![Write::RemoveToken(ask.digest.clone())];
    Ok(Decision { answer: Answer::Person(person), writes, note })
}

pub(super) fn add_computer(
    world: &World,
    ask: &AddComputer,
    actor: &Actor,
) -> Result<Decision, Refusal> {
    permit(world, actor, Deed::Invite(&ask.person))?;
    if let Some(known) = titled(world, &ask.title) {
        return Ok(Decision::unchanged(Answer::Computer(known.id.clone())));
    }
    let row = new_computer(world, &ask.title);
    let id = row.id.clone();
    let note = Note {
        verb: "add-computer".into(),
        what: format!("{id} (`{}`) is added", ask.title),
        instance: None,
        computer: Some(id.clone()),
    };
    Ok(Decision { answer: Answer::Computer(id), writes: vec![Write::PutComputer(row)], note })
}

fn titled<'w>(world: &'w World, title: &Title) -> Option<&'w Computer> {
    world.sites().map(Site::computer).find(|it| it.title.as_ref() == Some(title))
}

fn new_computer(world: &World, title: &Title) -> Computer {
    Computer { title: Some(title.clone()), ..Computer::new(next_id(world)) }
}

/// `COMP-` and the number of the revision, which was never given to anybody by us; a computer
/// that called itself so is passed over.
fn next_id(world: &World) -> ComputerId {
    let numbers = world.next_revision().0..;
    let ids = numbers.filter_map(|number| ComputerId::try_from(format!("COMP-{number}")).ok());
    let mut free = ids.filter(|id| !world.sites.contains_key(id));
    free.next().expect("there are more numbers than computers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decide::Ask, testing::*};

    fn token(secret: &str, expires_at: u64) -> Ask {
        let digest = TokenDigest(secret.to_owned());
        let token = Token { digest, person: admin(), expires_at: Timestamp(expires_at) };
        Ask::IssueToken(IssueToken { token })
    }

    fn register(secret: &str, name: &str) -> Ask {
        Ask::Register(Register { digest: TokenDigest(secret.to_owned()), title: title(name) })
    }

    #[test]
    fn a_token_is_good_for_one_computer_and_for_some_time() {
        let mut cloud = Cloud::default();
        cloud.ask(&token("a", 1000), &operator()).unwrap();
        cloud.ask(&token("b", 1000), &operator()).unwrap();
        cloud.ask(&token("late", 4), &operator()).unwrap();
        let nobody = Actor::Nobody;
        let table = [
            ("wrong", "one", Err("bad-token")),
            ("late", "one", Err("bad-token")), // it is 5 o'clock
            ("a", "one", Ok("COMP-4")),
            ("a", "two", Err("bad-token")),
            ("b", "one", Err("computer-title-taken")),
            ("b", "two", Ok("COMP-5")),
        ];
        for (secret, name, expected) in table {
            let answer = cloud.ask(&register(secret, name), &nobody);
            let found = match &answer {
                Ok((Answer::Computer(id), _)) => Ok(id.as_str()),
                Ok(other) => panic!("{other:?}"),
                Err(refusal) => Err(refusal.code()),
            };
            assert_eq!(found, expected, "{secret} {name}");
        }
    }

    #[test]
    fn a_token_is_good_for_one_certificate_of_the_person_who_made_it() {
        let mut cloud = Cloud::default();
        cloud.ask(&token("a", 1000), &operator()).unwrap();
        cloud.ask(&token("late", 4), &operator()).unwrap();
        let of = |secret: &str| Ask::Introduce(Introduce { digest: TokenDigest(secret.into()) });
        let (answer, _) = cloud.ask(&of("a"), &Actor::Nobody).unwrap();
        assert_eq!(answer, Answer::Person(admin()));
        for secret in ["a", "late", "wrong"] {
            let refused = cloud.ask(&of(secret), &Actor::Nobody).unwrap_err();
            assert_eq!(refused.code(), "bad-token", "{secret}");
        }
    }

    #[test]
    fn a_name_is_free_again_for_a_new_certificate_when_the_old_one_is_revoked() {
        let mut cloud = Cloud::default();
        for secret in ["a", "b", "c"] {
            cloud.ask(&token(secret, 1000), &operator()).unwrap();
        }
        let nobody = Actor::Nobody;
        let (answer, _) = cloud.ask(&register("a", "one"), &nobody).unwrap();
        let Answer::Computer(id) = answer else { panic!("{answer:?}") };
        let refused = cloud.ask(&register("b", "one"), &nobody).unwrap_err();
        assert_eq!(refused.code(), "computer-title-taken");
        let revoke = Ask::Revoke(crate::decide::Revoke { computer: id.clone() });
        cloud.ask(&revoke, &operator()).unwrap();
        let (again, _) = cloud.ask(&register("b", "one"), &nobody).unwrap();
        assert_eq!(again, Answer::Computer(id));
    }

    #[test]
    fn adding_a_computer_twice_adds_one() {
        let mut cloud = Cloud::default();
        let ask = Ask::AddComputer(AddComputer { title: title("one"), person: admin() });
        let (first, _) = cloud.ask(&ask, &operator()).unwrap();
        assert!(matches!(first, Answer::Computer(_)), "{first:?}");
        assert_eq!(cloud.ask(&ask, &operator()).unwrap().0, first);
        assert_eq!(cloud.ask(&ask, &Actor::Nobody).unwrap_err().code(), "not-permitted");
    }

    #[test]
    fn only_a_person_invites() {
        let mut cloud = Cloud::default();
        for actor in [Actor::Nobody, Actor::Computer(computer("COMP-1"))] {
            assert_eq!(cloud.ask(&token("a", 9), &actor).unwrap_err().code(), "not-permitted");
        }
    }
}
