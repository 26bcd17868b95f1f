//! How computers join: tokens, registration, certificates; the same for all faces.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use slapos_core::{
    actor::Actor,
    decide::{AddComputer, Answer, Ask, Certify, Introduce, IssueToken, Register, Revoke},
    names::{ComputerId, Timestamp, Title},
    refusal::Refusal,
    world::{Token, TokenDigest, World},
};
use slapos_wire::{classic::document::Certificate, v1};

use super::extract::Person;
use crate::{
    authority::Authority,
    clock::now,
    service::{Origin, Service, ServiceError},
};

/// How long a token can be used: people walk to the new machine meanwhile.
const TOKEN_LIFE_MICROSECONDS: u64 = 24 * 3600 * 1_000_000;

/// Hands out the right to let one computer join, or to have one certificate of the person. Only the
/// digest of the secret is kept.
pub(super) async fn issue_token(
    service: &Service,
    origin: Origin,
    person: &Person,
) -> Result<v1::IssuedToken, ServiceError> {
    let secret: [u8; 32] = rand::random();
    let token = HEXLOWER.encode(&secret);
    let expires_at = Timestamp(now().0 + TOKEN_LIFE_MICROSECONDS);
    let row = Token { digest: digest(&token), person: person.0.clone(), expires_at };
    let ask = Ask::IssueToken(IssueToken { token: row });
    service.act(origin, |_| Ok((ask, person.actor())), |_, _| ()).await?;
    Ok(v1::IssuedToken { token, expires_at })
}

/// Makes a computer, by right of a token, and its certificate.
pub(super) async fn register(
    service: &Service,
    authority: &Authority,
    origin: Origin,
    token: &str,
    title: Title,
) -> Result<v1::Registered, ServiceError> {
    let ask = Ask::Register(Register { digest: digest(token), title });
    let show = |world: &World, answer: &Answer| match answer {
        Answer::Computer(computer) => certificate(world, authority, computer),
        _ => unreachable!("a registration is answered with a computer"),
    };
    Ok(service.act(origin, |_| Ok((ask, Actor::Nobody)), show).await??)
}

/// Makes a certificate for the person who handed out a token, by right of it.
pub(super) async fn introduce(
    service: &Service,
    authority: &Authority,
    origin: Origin,
    token: &str,
) -> Result<Certificate, ServiceError> {
    let ask = Ask::Introduce(Introduce { digest: digest(token) });
    let show = |world: &World, answer: &Answer| match answer {
        Answer::Person(person) => authority.of_person(person, world.revision()),
        _ => unreachable!("an introduction is answered with a person"),
    };
    service.act(origin, |_| Ok((ask, Actor::Nobody)), show).await
}

/// Makes a certificate for a computer that has none.
pub(super) async fn certify(
    service: &Service,
    authority: &Authority,
    origin: Origin,
    person: &Person,
    computer: &ComputerId,
) -> Result<v1::Registered, ServiceError> {
    let ask = Ask::Certify(Certify { computer: computer.clone() });
    let show = |world: &World, _: &Answer| certificate(world, authority, computer);
    Ok(service.act(origin, |_| Ok((ask, person.actor())), show).await??)
}

/// Makes the certificate of a computer count no more.
pub(super) async fn revoke(
    service: &Service,
    origin: Origin,
    person: &Person,
    computer: &ComputerId,
) -> Result<v1::Computer, ServiceError> {
    let ask = Ask::Revoke(Revoke { computer: computer.clone() });
    let show = |world: &World, _: &Answer| {
        world.site(computer).map(|site| service.show_computer(world, site))
    };
    Ok(service.act(origin, |_| Ok((ask, person.actor())), show).await??)
}

/// Adds a computer by its title, or finds it. It has no certificate yet.
pub(super) async fn add(
    service: &Service,
    origin: Origin,
    person: &Person,
    title: Title,
) -> Result<ComputerId, ServiceError> {
    let ask = Ask::AddComputer(AddComputer { title, person: person.0.clone() });
    let show = |_: &World, answer: &Answer| match answer {
        Answer::Computer(computer) => computer.clone(),
        _ => unreachable!("an addition is answered with a computer"),
    };
    service.act(origin, |_| Ok((ask, person.actor())), show).await
}

fn certificate(
    world: &World,
    authority: &Authority,
    computer: &ComputerId,
) -> Result<v1::Registered, Refusal> {
    let number = world.site(computer)?.computer().certificate.unwrap_or_default();
    let made = authority.of_computer(computer, number);
    let (certificate, key) = (made.certificate, made.key);
    Ok(v1::Registered { computer: computer.clone(), certificate, key })
}

fn digest(token: &str) -> TokenDigest {
    TokenDigest(HEXLOWER.encode(&Sha256::digest(token)))
}
