//! A request on its way to being sent: as it would be right, to be bent.

use http::Method;
use serde_json::Value;
use testkit::http::{Call, Client};

#[derive(Clone)]
pub struct Draft {
    pub method: Method,
    pub path: String,
    pub query: Vec<String>,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<(&'static str, String)>,
}

pub const JSON: &str = "application/json";
pub const FORM: &str = "application/x-www-form-urlencoded";

impl Draft {
    /// `operation` as in `GET /v1/me`.
    pub fn new(operation: &str) -> Self {
        let (method, path) = operation.split_once(' ').expect("a method and a path");
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        Self { method, path: path.to_owned(), query: Vec::new(), headers: Vec::new(), body: None }
    }

    pub fn with(mut self, parameter: &str, value: &str) -> Self {
        self.path = self.path.replace(&format!("{{{parameter}}}"), value);
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.text(JSON, body.to_string())
    }

    pub fn text(mut self, kind: &'static str, body: impl Into<String>) -> Self {
        self.body = Some((kind, body.into()));
        self
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    pub fn query(mut self, pair: String) -> Self {
        self.query.push(pair);
        self
    }

    pub fn call(&self, api: &Client, token: Option<&str>) -> Call {
        assert!(!self.path.contains('{'), "{} is not filled", self.path);
        let query = if self.query.is_empty() {
            String::new()
        } else {
            format!("?{}", self.query.join("&"))
        };
        let mut call = api.call(self.method.clone(), &format!("{}{query}", self.path));
        for (name, value) in &self.headers {
            call = call.header(name, value);
        }
        if let Some((kind, body)) = &self.body {
            call = call.body(kind, body.clone());
        }
        match token.filter(|_| !self.headers.iter().any(|(name, _)| *name == "authorization")) {
            Some(token) => call.bearer(token),
            None => call,
        }
    }
}
