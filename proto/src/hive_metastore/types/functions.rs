//! Functions in Java.

use super::{PrincipalType, thrift_enum, thrift_struct};

thrift_enum! {
    /// What a function is written in.
    FunctionType { #[default] 1: Java }

    /// What a file is that a function needs.
    ResourceType { #[default] 1: Jar, 2: File, 3: Archive }
}

thrift_struct! {
    /// A file that a function needs.
    ResourceUri {
        1: optional resource_type: ResourceType,
        2: optional uri: String,
    }

    /// A function.
    Function {
        1: optional function_name: String,
        2: optional db_name: String,
        3: optional class_name: String,
        4: optional owner_name: String,
        5: optional owner_type: PrincipalType,
        6: value create_time: i32,
        7: optional function_type: FunctionType,
        8: optional resource_uris: Vec<ResourceUri>,
        9: optional cat_name: String,
    }

    /// Every function.
    GetAllFunctionsResponse {
        1: optional functions: Vec<Function>,
    }
}
