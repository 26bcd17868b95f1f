//! `slapos computer token`

use slapos_wire::client::Client;

use crate::{
    error::{Exit, Outcome},
    ui::{Ui, show_time},
};

pub(super) fn run(client: &Client, ui: Ui) -> Outcome {
    let issued = client.issue_token()?;
    if ui.json {
        ui.json(&issued);
        return Ok(Exit::Done);
    }
    ui.data(&issued.token);
    let until = show_time(issued.expires_at);
    ui.say(format_args!(
        "good for one computer until {until} UTC: slapos node register NAME --master-url {}",
        client.url()
    ));
    Ok(Exit::Done)
}
