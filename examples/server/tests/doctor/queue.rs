//! A broker whose certificate nobody vouches for. What else a broker refuses is in `rabbitmq.rs`.

use crate::{broker::Broker, support::Place, told};

#[test]
fn a_broker_that_is_not_trusted_is_told() {
    let Some(broker) = Broker::start() else { return };
    let place = Place::new();
    let queue = format!("queue = \"{}\"\n", broker.tls_url());
    told(&place, &queue).assert_failed("queue", "is not trusted", "rabbitmq.ca_file");
    let absent = format!("{queue}[rabbitmq]\nca_file = \"absent.pem\"\n");
    told(&place, &absent).assert_failed("queue", "absent.pem, cannot be read", "PEM");
    let trusted = format!("{queue}[rabbitmq]\nca_file = \"{}\"\n", broker.authority().display());
    told(&place, &trusted).assert_row("queue", "ok", "sent a message through", "");
}
