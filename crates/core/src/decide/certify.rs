//! `certify` and `revoke`: which certificate of a computer counts. The certificates themselves are
//! made elsewhere, from the number that is decided here.

use super::{Answer, Decision};
use crate::{
    actor::{Actor, Deed, permit},
    names::{ComputerId, Revision},
    refusal::Refusal,
    world::{Computer, World},
    write::{Note, Write},
};

/// A computer that has no certificate shall have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certify {
    /// The computer.
    pub computer: ComputerId,
}

/// The certificate of a computer shall not count any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoke {
    /// The computer.
    pub computer: ComputerId,
}

pub(super) fn certify(world: &World, ask: &Certify, actor: &Actor) -> Result<Decision, Refusal> {
    permit(world, actor, Deed::Certify(&ask.computer))?;
    let known = world.site(&ask.computer)?.computer();
    if known.certificate.is_some() {
        return Err(Refusal::CertificateActive(ask.computer.clone()));
    }
    let what = format!("{} gets a certificate", ask.computer);
    Ok(change(known, Some(world.next_revision()), "certify", what))
}

pub(super) fn revoke(world: &World, ask: &Revoke, actor: &Actor) -> Result<Decision, Refusal> {
    permit(world, actor, Deed::Certify(&ask.computer))?;
    let known = world.site(&ask.computer)?.computer();
    if known.certificate.is_none() {
        return Ok(Decision::unchanged(Answer::Done));
    }
    let what = format!("the certificate of {} does not count any more", ask.computer);
    Ok(change(known, None, "revoke", what))
}

fn change(known: &Computer, certificate: Option<Revision>, verb: &str, what: String) -> Decision {
    let computer = Some(known.id.clone());
    let note = Note { verb: verb.into(), what, instance: None, computer };
    let row = Computer { certificate, ..known.clone() };
    Decision { answer: Answer::Done, writes: vec![Write::PutComputer(row)], note }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decide::Ask, testing::*};

    #[test]
    fn a_computer_has_one_certificate_until_it_is_revoked() {
        let mut cloud = Cloud::default();
        cloud.format("COMP-1", 1);
        let computer = computer("COMP-1");
        let certify = Ask::Certify(Certify { computer: computer.clone() });
        let revoke = Ask::Revoke(Revoke { computer: computer.clone() });
        let node = Actor::Computer(computer.clone());
        let number = |cloud: &Cloud| cloud.world.site(&computer).unwrap().computer().certificate;
        assert_eq!(cloud.ask(&certify, &node).unwrap_err().code(), "not-permitted");
        cloud.ask(&certify, &operator()).unwrap();
        let first = number(&cloud);
        assert_eq!(first, Some(cloud.world.revision()));
        assert_eq!(cloud.ask(&certify, &operator()).unwrap_err().code(), "certificate-active");
        cloud.ask(&revoke, &operator()).unwrap();
        assert_eq!(number(&cloud), None);
        cloud.ask(&revoke, &operator()).unwrap(); // again: nothing to do
        cloud.ask(&certify, &operator()).unwrap();
        assert!(number(&cloud) > first);
    }
}
