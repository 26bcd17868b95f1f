//! The words for states on the wire.

use slapos_core::names::{SupplyWish, WishedState};

use super::read::Misfit;

pub(super) fn of_wish(state: WishedState) -> &'static str {
    match state {
        WishedState::Started => "started",
        WishedState::Stopped => "stopped",
        WishedState::Destroyed => "destroyed",
    }
}

pub(super) fn wish(word: &str) -> Result<WishedState, Misfit> {
    match word {
        "started" => Ok(WishedState::Started),
        "stopped" => Ok(WishedState::Stopped),
        "destroyed" => Ok(WishedState::Destroyed),
        _ => Err(Misfit::new("is not one of `started`, `stopped`, `destroyed`")),
    }
}

pub(super) fn of_supply(state: SupplyWish) -> &'static str {
    match state {
        SupplyWish::Available => "available",
        SupplyWish::Destroyed => "destroyed",
    }
}

pub(super) fn supply(word: &str) -> Result<SupplyWish, Misfit> {
    match word {
        "available" => Ok(SupplyWish::Available),
        "destroyed" => Ok(SupplyWish::Destroyed),
        _ => Err(Misfit::new("is not one of `available`, `destroyed`")),
    }
}
