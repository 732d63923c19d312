//! Users, roles and privileges.

use super::{BTreeMap, thrift_enum, thrift_struct};

thrift_enum! {
    /// What a name of an owner or grantee is.
    PrincipalType { #[default] 1: User, 2: Role, 3: Group }

    /// What a privilege is on.
    HiveObjectType { #[default] 1: Global, 2: Database, 3: Table, 4: Partition, 5: Column }
}

thrift_struct! {
    /// A privilege as granted.
    PrivilegeGrantInfo {
        1: optional privilege: String,
        2: value create_time: i32,
        3: optional grantor: String,
        4: optional grantor_type: PrincipalType,
        5: value grant_option: bool,
    }

    /// The privileges on an object, by who has them.
    PrincipalPrivilegeSet {
        1: optional user_privileges: BTreeMap<String, Vec<PrivilegeGrantInfo>>,
        2: optional group_privileges: BTreeMap<String, Vec<PrivilegeGrantInfo>>,
        3: optional role_privileges: BTreeMap<String, Vec<PrivilegeGrantInfo>>,
    }

    /// What a privilege is on.
    HiveObjectRef {
        1: optional object_type: HiveObjectType,
        2: optional db_name: String,
        3: optional object_name: String,
        4: optional part_values: Vec<String>,
        5: optional column_name: String,
        6: optional cat_name: String,
    }

    /// A privilege with its object and its holder.
    HiveObjectPrivilege {
        1: optional hive_object: HiveObjectRef,
        2: optional principal_name: String,
        3: optional principal_type: PrincipalType,
        4: optional grant_info: PrivilegeGrantInfo,
        5: optional authorizer: String,
    }

    /// A role.
    Role {
        1: optional role_name: String,
        2: value create_time: i32,
        3: optional owner_name: String,
    }
}
