//! Follows signed URLs as browsers and players do, for the conformance suite of those who sign them.

use async_trait::async_trait;
use moodify_core::conformance::{PlainAnswer, PlainClient, PlainRequest};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, redirect};

pub(crate) struct Plain(Client);

impl Plain {
    pub(crate) fn new() -> Self {
        Self(Client::builder().redirect(redirect::Policy::none()).build().unwrap())
    }
}

#[async_trait]
impl PlainClient for Plain {
    async fn send(&self, request: PlainRequest) -> PlainAnswer {
        let method = request.method.parse().unwrap();
        let mut asked = self.0.request(method, request.url);
        for (name, value) in request.headers {
            asked = asked.header(name, value);
        }
        if request.method == "PUT" {
            asked = asked.body(request.body);
        }
        let answer = asked.send().await.unwrap();
        let status = answer.status().as_u16();
        let content_type = answer.headers().get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap());
        let content_type = content_type.to_owned();
        PlainAnswer { status, content_type, body: answer.bytes().await.unwrap().to_vec() }
    }
}
