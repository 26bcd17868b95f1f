//! A real browser, driven through ChromeDriver's HTTP interface.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::cloud::eventually;

/// Headless Chromium; ends with the test.
pub(crate) struct Browser {
    driver: Child,
    session: String,
}

impl Browser {
    pub(crate) fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver: ./test installs it");
        let base = format!("http://127.0.0.1:{port}");
        eventually("chromedriver answers", || ureq::get(&format!("{base}/status")).call().is_ok());
        let options = json!({ "args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--window-size=1280,960"
        ]});
        let wanted =
            json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let answer = call(&format!("{base}/session"), &wanted);
        let id = answer["sessionId"].as_str().unwrap();
        Self { driver, session: format!("{base}/session/{id}") }
    }

    pub(crate) fn open(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    pub(crate) fn fill(&self, id: &str, text: &str) {
        let element = self.element(id);
        self.post(&format!("element/{element}/value"), &json!({ "text": text }));
    }

    pub(crate) fn click(&self, id: &str) {
        let element = self.element(id);
        self.post(&format!("element/{element}/click"), &json!({}));
    }

    /// Waits until the page shows a text to a person.
    pub(crate) fn until_text(&self, text: &str) {
        let script = json!({ "script": "return document.body.innerText", "args": [] });
        eventually(&format!("the page shows `{text}`"), || {
            self.post("execute/sync", &script).as_str().is_some_and(|shown| shown.contains(text))
        });
    }

    /// Waits until the page has an element.
    pub(crate) fn until_element(&self, selector: &str) {
        let ask = json!({ "using": "css selector", "value": selector });
        eventually(&format!("the page has `{selector}`"), || {
            self.post("elements", &ask).as_array().is_some_and(|found| !found.is_empty())
        });
    }

    pub(crate) fn screenshot(&self, path: &Path) {
        let answer = ureq::get(&format!("{}/screenshot", self.session))
            .call()
            .unwrap()
            .body_mut()
            .read_json::<Value>();
        let picture = answer.unwrap()["value"].as_str().unwrap().to_owned();
        let decoded = Command::new("base64")
            .arg("-d")
            .stdin(Stdio::piped())
            .stdout(std::fs::File::create(path).unwrap())
            .spawn();
        let mut decoded = decoded.unwrap();
        std::io::Write::write_all(&mut decoded.stdin.take().unwrap(), picture.as_bytes()).unwrap();
        assert!(decoded.wait().unwrap().success());
    }

    fn element(&self, id: &str) -> String {
        let found =
            self.post("element", &json!({ "using": "css selector", "value": format!("#{id}") }));
        found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
    }

    fn post(&self, what: &str, body: &Value) -> Value {
        call(&format!("{}/{what}", self.session), body)
    }
}

fn call(url: &str, body: &Value) -> Value {
    let mut answer =
        ureq::post(url).send_json(body).unwrap_or_else(|error| panic!("{url}: {error}"));
    answer.body_mut().read_json::<Value>().unwrap()["value"].take()
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _gone = ureq::delete(&self.session).call();
        let _gone = self.driver.kill();
        let _gone = self.driver.wait();
    }
}
