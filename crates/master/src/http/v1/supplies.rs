//! `/v1/computers/{computer}/supplies`: releases on a computer, wished and reported.

use axum::extract::State;
use slapos_core::{
    actor::Actor,
    decide::{Ask, SupplyAsk, SupplyReport},
    names::{ComputerId, Generation, SupplyState, Timestamp},
};
use slapos_wire::v1;

use super::{
    super::{
        error::ApiError,
        extract::{Json, Path, Person},
    },
    partitions::accepted,
};
use crate::{
    documents,
    service::{Origin, Service},
};

/// `PUT /v1/computers/{computer}/supplies`
pub(super) async fn wish(
    State(service): State<Service>,
    origin: Origin,
    person: Person,
    Path(computer): Path<ComputerId>,
    Json(body): Json<v1::SupplyAsk>,
) -> Result<Json<v1::Supply>, ApiError> {
    let release = body.software_release;
    let ask = Ask::Supply(SupplyAsk {
        computer: computer.clone(),
        release: release.clone(),
        wish: body.state,
        again: body.again,
    });
    let shown = service.act(
        origin,
        |_| Ok((ask, person.actor())),
        |world, _| {
            let supply = world.site(&computer).ok().and_then(|site| site.supply(&release));
            supply.map(documents::supply)
        },
    );
    let absent = || v1::Supply {
        software_release: release.clone(),
        wished: body.state,
        state: SupplyState::Destroyed,
        generation: Generation(0),
        text: None,
        percent: None,
        changed_at: Timestamp(0),
        again: Generation(0),
    };
    Ok(Json(shown.await?.unwrap_or_else(absent)))
}

/// `POST /v1/computers/{computer}/supplies/report`
pub(super) async fn report(
    State(service): State<Service>,
    origin: Origin,
    Path(computer): Path<ComputerId>,
    Json(body): Json<v1::SupplyReport>,
) -> Result<Json<v1::Accepted>, ApiError> {
    let actor = Actor::Computer(computer.clone());
    let ask = Ask::SupplyReport(SupplyReport {
        computer: computer.clone(),
        release: body.software_release,
        generation: body.generation,
        follows: body.follows,
        state: body.state,
        text: body.text,
        percent: body.percent,
    });
    let accepted = service.act(origin, |_| Ok((ask, actor)), accepted).await?;
    service.heard_from(&computer);
    Ok(Json(accepted))
}
