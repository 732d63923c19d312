//! The log of changes.

use super::thrift_struct;

thrift_struct! {
    /// Which events are wanted.
    NotificationEventRequest {
        1: required last_event: i64,
        2: optional max_events: i32,
        3: optional event_type_skip_list: Vec<String>,
    }

    /// One change.
    NotificationEvent {
        1: required event_id: i64,
        2: required event_time: i32,
        3: required event_type: String,
        4: optional db_name: String,
        5: optional table_name: String,
        6: required message: String,
        7: optional message_format: String,
        8: optional cat_name: String,
    }

    /// Changes, in their order.
    NotificationEventResponse {
        1: required events: Vec<NotificationEvent>,
    }

    /// The last change's number.
    CurrentNotificationEventId {
        1: required event_id: i64,
    }
}
