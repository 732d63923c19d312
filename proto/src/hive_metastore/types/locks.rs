//! Locks and transactions.

use super::{Binary, thrift_enum, thrift_struct};

thrift_enum! {
    /// What others may do beside the holder.
    LockType { #[default] 1: SharedRead, 2: SharedWrite, 3: Exclusive, 4: ExclWrite }

    /// What a lock is on.
    LockLevel { #[default] 1: Db, 2: Table, 3: Partition }

    /// Whether a lock is held.
    LockState { #[default] 1: Acquired, 2: Waiting, 3: Abort, 4: NotAcquired }

    /// What a lock is for.
    DataOperationType {
        1: Select, 2: Insert, 3: Update, 4: Delete, #[default] 5: Unset, 6: NoTxn,
    }
}

thrift_struct! {
    /// One thing to be locked.
    LockComponent {
        1: required lock_type: LockType,
        2: required level: LockLevel,
        3: required dbname: String,
        4: optional tablename: String,
        5: optional partitionname: String,
        6: optional operation_type: DataOperationType,
        7: optional is_transactional: bool,
        8: optional is_dynamic_partition_write: bool,
    }

    /// Things to be locked, all or none.
    LockRequest {
        1: required component: Vec<LockComponent>,
        2: optional txnid: i64,
        3: required user: String,
        4: required hostname: String,
        5: optional agent_info: String,
        6: optional zero_wait_read_enabled: bool,
        7: optional exclusive_ctas: bool,
    }

    /// A lock and whether it is held.
    LockResponse {
        1: required lockid: i64,
        2: required state: LockState,
        3: optional error_message: String,
    }

    /// Asks whether a lock is held by now.
    CheckLockRequest {
        1: required lockid: i64,
        2: optional txnid: i64,
        3: optional elapsed_ms: i64,
    }

    /// Gives a lock back.
    UnlockRequest {
        1: required lockid: i64,
    }

    /// Says that the holder of a lock or transaction is alive.
    HeartbeatRequest {
        1: optional lockid: i64,
        2: optional txnid: i64,
    }

    /// Which locks are wanted.
    ShowLocksRequest {
        1: optional dbname: String,
        2: optional tablename: String,
        3: optional partname: String,
        4: optional is_extended: bool,
        5: optional txnid: i64,
    }

    /// A lock that is held or waited for.
    ShowLocksResponseElement {
        1: required lockid: i64,
        2: required dbname: String,
        3: optional tablename: String,
        4: optional partname: String,
        5: required state: LockState,
        6: required lock_type: LockType,
        7: optional txnid: i64,
        8: required lastheartbeat: i64,
        9: optional acquiredat: i64,
        10: required user: String,
        11: required hostname: String,
        12: optional heartbeat_count: i32,
        13: optional agent_info: String,
        14: optional blocked_by_ext_id: i64,
        15: optional blocked_by_int_id: i64,
        16: optional lock_id_internal: i64,
    }

    /// Locks that are held or waited for.
    ShowLocksResponse {
        1: optional locks: Vec<ShowLocksResponseElement>,
    }

    /// Transactions that are open. Hive 4 requires the bits of those that were aborted.
    GetOpenTxnsResponse {
        1: required txn_high_water_mark: i64,
        2: required open_txns: Vec<i64>,
        3: optional min_open_txn: i64,
        4: optional aborted_bits: Binary,
    }
}
