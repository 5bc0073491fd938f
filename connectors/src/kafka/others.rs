//! Who else is in the group of an application: where one instance keeps the state of all partitions there must be nobody.
//!
//! The invariant: whoever is refused here has not joined, so that the one that runs is not disturbed. Two that look at the
//! same moment both join; then the group takes partitions away, which ends them.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::context::Quiet;
use super::producer::describe;
use super::{KafkaFailure, KafkaSettings, admin};

/// How often the cluster is asked.
const ASKED_MAX: u32 = 10;
/// Between two times.
const PAUSE: Duration = Duration::from_millis(500);
/// Characters of what the broker puts behind the name of an instance: a hyphen and a UUID.
const MARK_CHARS: usize = 37;

/// Refuses where another instance is a member, or was and its session is not over yet.
///
/// # Errors
/// That, or the cluster does not answer.
pub(super) fn refuse_others(
    consumer: &Arc<BaseConsumer<Quiet>>,
    settings: &KafkaSettings,
) -> Result<(), KafkaFailure> {
    let application = &settings.application;
    let operation = format!("look at the group {application}");
    let ask = || {
        consumer
            .client()
            .fetch_group_list(Some(application), admin::ANSWER)
    };
    let mut groups = ask();
    for _ in 1..ASKED_MAX {
        if groups.is_ok() {
            break;
        }
        // A broker that has just started does not know its groups yet.
        std::thread::park_timeout(PAUSE);
        groups = ask();
    }
    let groups = groups.map_err(|error| KafkaFailure::new(&operation, describe(&error), true))?;
    let own = settings.group_instance();
    let members = groups.groups().iter().flat_map(|group| group.members());
    let mut names = members.filter_map(|member| instance(member.id()));
    let Some(other) = names.find(|name| *name != own) else {
        return Ok(());
    };
    let prefix = format!("{application}-");
    let other = other.strip_prefix(&prefix).unwrap_or(other);
    let cause = format!(
        "instance {other} is running, or was until its session is over: one instance has the state of all partitions, \\
         unless they are shared (`shared: true`)"
    );
    Err(KafkaFailure::new(
        format!("join the group {application}"),
        cause,
        false,
    ))
}

/// The instance of a member, by the id the broker gave it.
fn instance(id: &str) -> Option<&str> {
    let end = id.len().checked_sub(MARK_CHARS)?;
    let (name, mark) = id.split_at_checked(end)?;
    mark.starts_with('-').then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broker_puts_a_uuid_behind_the_instance() {
        let id = "card-fraud-blue-2-3f2504e0-4f89-11d3-9a0c-0305e82c3301";
        assert_eq!(instance(id), Some("card-fraud-blue-2"));
        assert_eq!(instance("short"), None);
    }
}
