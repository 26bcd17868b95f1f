//! `GET /v1/openapi.json`: the face for programs that are written against it. The document is kept by
//! hand; the tests here say where it differs from the routes, from what asks may hold, and from what is
//! answered.

use axum::{http::header, response::IntoResponse};

const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /v1/openapi.json`
pub(super) async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use axum::{
        Extension, Router,
        body::{Body, to_bytes},
        http::Request,
    };
    use serde_json::{Value, json};
    use slapos_core::policy::Policy;
    use tempfile::TempDir;
    use tower::ServiceExt;

    use super::*;
    use crate::{authority::Authority, http::schema, service::Service};

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    /// The document with schemas that allow no property that they do not name.
    fn strict() -> Value {
        let mut document = document();
        let schemas = document["components"]["schemas"].as_object_mut().unwrap();
        for schema in schemas.values_mut().filter(|it| it["properties"].is_object()) {
            schema["additionalProperties"] = false.into();
        }
        document
    }

    fn operations(document: &Value) -> BTreeSet<(String, String)> {
        let paths = document["paths"].as_object().unwrap().iter();
        let all = paths.flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |it| (path.clone(), it.clone()))
        });
        all.collect()
    }

    #[test]
    fn every_route_is_in_the_document_and_nothing_else() {
        let source: String = include_str!("mod.rs").split_whitespace().collect();
        let routes = source.split(".route(\"").skip(1).flat_map(|rest| {
            let (path, rest) = rest.split_once('"').unwrap();
            let handlers = rest.split(".route(").next().unwrap().split(';').next().unwrap();
            let taken = ["get", "put", "post", "delete"].into_iter().filter(move |method| {
                let first = format!(",{method}(");
                let later = format!(").{method}(");
                handlers.starts_with(&first) || handlers.contains(&later)
            });
            taken.map(move |method| (format!("/v1{path}"), method.to_owned()))
        });
        assert_eq!(operations(&document()), routes.collect());
    }

    #[test]
    fn schemas_use_only_what_is_understood() {
        for schema in document()["components"]["schemas"].as_object().unwrap().values() {
            let mut words = schema::words(schema);
            words.retain(|word| !schema::WORDS.contains(word));
            assert!(words.is_empty(), "{words:?}");
        }
    }

    /// A master with the document that its answers must keep to.
    struct Told {
        router: Router,
        document: Value,
        seen: BTreeSet<(String, String)>,
        _data: TempDir,
    }

    impl Told {
        fn new() -> Self {
            let data = TempDir::new().unwrap();
            let database = data.path().join("master.sqlite");
            let service = Service::open(&database, Policy::default()).unwrap();
            let authority = Arc::new(Authority::open(data.path()).unwrap());
            let router = Router::new().nest("/v1", super::super::router());
            let router = router.layer(Extension(authority)).with_state(service);
            Self { router, document: strict(), seen: BTreeSet::new(), _data: data }
        }

        async fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
            let request = Request::builder().method(&*method.to_uppercase()).uri(path);
            let request = request.header("content-type", "application/json");
            let body = if body.is_null() { Body::empty() } else { body.to_string().into() };
            let answer = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
            let status = answer.status().as_u16();
            let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
            (status, serde_json::from_slice(&bytes).unwrap())
        }

        /// Makes a call; what is asked and answered must be as the document says of this path.
        async fn call(&mut self, method: &str, template: &str, query: &str, body: Value) -> Value {
            let path = template.replace("{computer}", "COMP-1").replace("{partition}", "slappart0");
            let (status, answer) = self.send(method, &format!("{path}{query}"), &body).await;
            assert_eq!(status, 200, "{method} {path} {body}: {answer}");
            let operation = self.document["paths"][template][method].clone();
            let json = |it: &Value| it["content"]["application/json"]["schema"].clone();
            let schema = json(&operation["responses"]["200"]);
            schema::check(&answer, &schema, &self.document)
                .unwrap_or_else(|why| panic!("{method} {template}: {why}: {answer}"));
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let queries = parameters.iter().filter(|it| it["in"] == "query");
            for name in queries.map(|it| it["name"].as_str().unwrap()) {
                let required =
                    parameters.iter().any(|it| it["name"] == name && it["required"] == true);
                assert!(!required || query.contains(&format!("{name}=")), "{template} {name}");
            }
            if !body.is_null() {
                let schema = json(&operation["requestBody"]);
                schema::check(&body, &schema, &self.document)
                    .unwrap_or_else(|why| panic!("{method} {template} is asked: {why}"));
                self.knows_fields(method, &path, &schema).await;
            }
            self.seen.insert((template.to_owned(), method.to_owned()));
            answer
        }

        /// A master that is asked something strange names all the fields that it knows.
        async fn knows_fields(&self, method: &str, path: &str, schema: &Value) {
            let name = schema["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            let known = self.document["components"]["schemas"][name]["properties"].as_object();
            let known: BTreeSet<_> = known.unwrap().keys().cloned().collect();
            let (_, refused) = self.send(method, path, &json!({"strange": 1})).await;
            let title = refused["title"].as_str().unwrap();
            let fields = title.split_once("expected").unwrap_or_else(|| panic!("{title}")).1;
            let fields: BTreeSet<_> =
                fields.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            assert_eq!(fields, known, "{name}");
        }
    }

    const COMPUTER: &str = "/v1/computers/{computer}";
    const PARTITION: &str = "/v1/computers/{computer}/partitions/{partition}";

    /// The life of a computer.
    async fn computers(told: &mut Told) {
        let at = |below: &str| format!("{COMPUTER}{below}");
        let partition = |name: &str| json!({"name": name, "addresses": ["127.0.1.1"]});
        let format = json!({"partitions": [partition("slappart0"), partition("slappart1")]});
        told.call("put", &at("/format"), "", format).await;
        let govern = json!({"allocation": "open", "capacity": 9, "traits": {"region": "eu"}});
        told.call("put", COMPUTER, "", govern).await;
        told.call("put", COMPUTER, "", json!({"capacity": null})).await;
        let wish = json!({"software_release": "software/db", "state": "available"});
        let supply = told.call("put", &at("/supplies"), "", wish).await;
        let report = json!({
            "software_release": "software/db", "generation": supply["generation"],
            "state": "available", "text": null,
        });
        told.call("post", &at("/supplies/report"), "", report).await;
        let process = json!({
            "partition": "slappart0", "service": "db", "pid": 1, "name": "db", "cpu_percent": 0.5,
            "memory_bytes": 1,
        });
        told.call("put", &at("/usage"), "", json!({"processes": [process]})).await;
        let token = told.call("post", "/v1/tokens", "", Value::Null).await["token"].clone();
        let register = json!({"token": token, "title": "new"});
        told.call("post", "/v1/computers", "", register).await;
        told.call("post", &at("/certificate"), "", Value::Null).await;
        told.call("delete", &at("/certificate"), "", Value::Null).await;
    }

    /// The life of an instance and its child.
    async fn instances(told: &mut Told) {
        let ask = |title: &str, shared: bool| {
            json!({
                "title": title, "software_release": "software/db", "software_type": "default",
                "parameters": {"a": "b"}, "placement": {"region": "eu"}, "shared": shared,
                "state": "started",
            })
        };
        let at = |below: &str| format!("{PARTITION}{below}");
        let app = told.call("post", "/v1/instances", "", ask("app", false)).await;
        told.call("post", &at("/request"), "", ask("child", false)).await;
        let report = json!({
            "id": app["id"], "generation": app["generation"], "state": "started", "text": "up",
            "connection": {"url": "u"}, "shared": {}, "requested": ["child"],
            "promises": [{"name": "listens", "ok": true, "message": "fine"}],
        });
        told.call("post", &at("/report"), "", report).await;
        told.call("post", &at("/bang"), "", json!({"message": "m"})).await;
        told.call("post", "/v1/instances", "", ask("tenant", true)).await;
        let id = &app["id"];
        told.call(
            "post",
            "/v1/instances/bang",
            "",
            json!({"id": id, "message": "m", "tree": true}),
        )
        .await;
        told.call("post", "/v1/instances/rename", "", json!({"id": id, "title": "shop"})).await;
        let upgrade =
            json!({"id": id, "software_release": "software/db", "software_type": "default"});
        told.call("post", "/v1/instances/upgrade", "", upgrade).await;
        told.call("post", "/v1/instances/state", "", json!({"id": id, "state": "stopped"})).await;
    }

    #[tokio::test]
    async fn what_is_asked_and_answered_is_as_the_document_says() {
        let mut told = Told::new();
        computers(&mut told).await;
        instances(&mut told).await;
        let id =
            told.call("get", "/v1/instances", "?title=shop", Value::Null).await[0]["id"].clone();
        let wait = format!("?id={}&since=0&wait=0", id.as_str().unwrap());
        let watch = format!("{COMPUTER}/watch");
        let table = [
            ("/v1/health", ""),
            ("/v1/openapi.json", ""),
            ("/v1/computers", ""),
            ("/v1/computers", "?at=rev:2"),
            ("/v1/computers", "?limit=1&after=COMP-0"),
            (COMPUTER, ""),
            (&watch, "?since=0&wait=0"),
            ("/v1/instances", ""),
            ("/v1/instances", "?limit=1&after=SOFTINST-1"),
            ("/v1/instances/tree", "?title=shop"),
            ("/v1/instances/wait", &wait),
            ("/v1/history", ""),
        ];
        for (path, query) in table {
            told.call("get", path, query, Value::Null).await;
        }
        let (_, problem) = told.send("get", "/v1/computers/none", &Value::Null).await;
        let schema = &told.document["components"]["schemas"]["Problem"];
        schema::check(&problem, schema, &told.document).unwrap();
        let mut all = operations(&told.document);
        all.remove(&("/v1/events".to_owned(), "get".to_owned())); // a stream
        assert_eq!(told.seen, all);
    }
}
