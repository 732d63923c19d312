//! The macros in which the metastore's types and methods are written as tables.

/// Structs, as tables of fields: `ID: NEED NAME: TYPE [= DEFAULT]`.
///
/// | need | in memory | absent on the wire | written |
/// |---|---|---|---|
/// | `required` | the value | a fault | always |
/// | `value` | the value | the default | always |
/// | `optional` | an `Option` | `None` | when there is one |
///
/// A field of Hive's without a word about its need is `value` here when it is a number or a
/// bool and `optional` otherwise, which is how Java's generated code treats it (null is absent).
///
/// As in generated code, a field that is unknown or has another type than the table says is
/// skipped, and of a field that comes twice the last one counts.
macro_rules! thrift_struct {
    ($(
        $(#[$meta:meta])*
        $name:ident {
            $( $id:literal : $need:ident $field:ident : $ty:ty $(= $default:expr)? ),* $(,)?
        }
    )+) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $(
                #[doc = concat!("Field ", stringify!($id), ", ", stringify!($need), ".")]
                pub $field: thrift_struct!(@type $need $ty),
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: thrift_struct!(@default $need $(= $default)?), )* }
            }
        }

        impl $crate::hive_metastore::Wire for $name {
            const TYPE: ::thrift::protocol::TType = ::thrift::protocol::TType::Struct;

            fn read(
                input: &mut $crate::hive_metastore::Input<'_>,
            ) -> Result<Self, $crate::hive_metastore::WireError> {
                $( let mut $field: Option<$ty> = None; )*
                input.read_struct(|input, id, wire_type| {
                    match id {
                        $( $id if <$ty as $crate::hive_metastore::Wire>::accepts(wire_type) => {
                            $field = Some(<$ty as $crate::hive_metastore::Wire>::read(input)?);
                        } )*
                        _ => input.skip(wire_type)?,
                    }
                    Ok(())
                })?;
                Ok(Self { $(
                    $field: thrift_struct!(@taken $need $field, input, $name $(= $default)?),
                )* })
            }

            fn write(
                &self,
                output: &mut $crate::hive_metastore::Output<'_>,
            ) -> Result<(), $crate::hive_metastore::WireError> {
                output.write_struct(|output| {
                    $( thrift_struct!(@write $need output, $id, self.$field); )*
                    let _ = output;
                    Ok(())
                })
            }
        }

        #[cfg(test)]
        impl $crate::hive_metastore::wire::sample::Sample for $name {
            fn sample(draw: &mut $crate::hive_metastore::wire::sample::Draw) -> Self {
                let _ = &draw;
                Self { $( $field: $crate::hive_metastore::wire::sample::Sample::sample(draw), )* }
            }
        }
    )+ };

    (@type optional $ty:ty) => { Option<$ty> };
    (@type required $ty:ty) => { $ty };
    (@type value $ty:ty) => { $ty };

    (@default optional) => { None };
    (@default $need:ident) => { Default::default() };
    (@default value = $default:expr) => { $default };

    (@taken optional $field:ident, $input:ident, $name:ident) => { $field };
    (@taken value $field:ident, $input:ident, $name:ident) => { $field.unwrap_or_default() };
    (@taken value $field:ident, $input:ident, $name:ident = $default:expr) => {
        $field.unwrap_or($default)
    };
    (@taken required $field:ident, $input:ident, $name:ident) => {
        match $field {
            Some(value) => value,
            None => {
                $input.note_fault(|| {
                    concat!(stringify!($name), " has no ", stringify!($field)).to_owned()
                });
                Default::default()
            }
        }
    };

    (@write optional $output:ident, $id:literal, $value:expr) => {
        if let Some(value) = &$value {
            $output.write_field($id, value)?;
        }
    };
    (@write $need:ident $output:ident, $id:literal, $value:expr) => {
        $output.write_field($id, &$value)?;
    };
}

/// Enums, as tables of numbers. A number that is not in the table is kept as `Unknown`.
macro_rules! thrift_enum {
    ($(
        $(#[$meta:meta])*
        $name:ident { $( $(#[$first:ident])? $number:literal : $variant:ident ),+ $(,)? }
    )+) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum $name {
            $(
                #[doc = concat!("Number ", stringify!($number), ".")]
                $(#[$first])?
                $variant,
            )+
            /// A number that this version does not know.
            Unknown(i32),
        }

        impl $crate::hive_metastore::Wire for $name {
            const TYPE: ::thrift::protocol::TType = ::thrift::protocol::TType::I32;

            fn read(
                input: &mut $crate::hive_metastore::Input<'_>,
            ) -> Result<Self, $crate::hive_metastore::WireError> {
                Ok(match <i32 as $crate::hive_metastore::Wire>::read(input)? {
                    $( $number => Self::$variant, )+
                    other => Self::Unknown(other),
                })
            }

            fn write(
                &self,
                output: &mut $crate::hive_metastore::Output<'_>,
            ) -> Result<(), $crate::hive_metastore::WireError> {
                let number: i32 = match *self {
                    $( Self::$variant => $number, )+
                    Self::Unknown(other) => other,
                };
                $crate::hive_metastore::Wire::write(&number, output)
            }
        }

        #[cfg(test)]
        impl $crate::hive_metastore::wire::sample::Sample for $name {
            fn sample(draw: &mut $crate::hive_metastore::wire::sample::Draw) -> Self {
                draw.choose(&[$( Self::$variant, )+ Self::Unknown(-7)])
            }
        }
    )+ };
}

/// Unions, as tables of members. A member that is not in the table reads as `Unset`.
macro_rules! thrift_union {
    ($(
        $(#[$meta:meta])*
        $name:ident { $( $id:literal : $variant:ident($ty:ty) ),+ $(,)? }
    )+) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub enum $name {
            $(
                #[doc = concat!("Member ", stringify!($id), ".")]
                $variant($ty),
            )+
            /// No member, or one that this version does not know.
            #[default]
            Unset,
        }

        impl $crate::hive_metastore::Wire for $name {
            const TYPE: ::thrift::protocol::TType = ::thrift::protocol::TType::Struct;

            fn read(
                input: &mut $crate::hive_metastore::Input<'_>,
            ) -> Result<Self, $crate::hive_metastore::WireError> {
                let mut member = Self::Unset;
                input.read_struct(|input, id, wire_type| {
                    match id {
                        $( $id if <$ty as $crate::hive_metastore::Wire>::accepts(wire_type) => {
                            member = Self::$variant(<$ty as $crate::hive_metastore::Wire>::read(input)?);
                        } )+
                        _ => input.skip(wire_type)?,
                    }
                    Ok(())
                })?;
                Ok(member)
            }

            fn write(
                &self,
                output: &mut $crate::hive_metastore::Output<'_>,
            ) -> Result<(), $crate::hive_metastore::WireError> {
                output.write_struct(|output| match self {
                    $( Self::$variant(member) => output.write_field($id, member), )+
                    Self::Unset => Ok(()),
                })
            }
        }

        #[cfg(test)]
        impl $crate::hive_metastore::wire::sample::Sample for $name {
            fn sample(draw: &mut $crate::hive_metastore::wire::sample::Draw) -> Self {
                use $crate::hive_metastore::wire::sample::Sample;
                let members = [$( Self::$variant(Sample::sample(draw)), )+ Self::Unset];
                draw.choose(&members)
            }
        }
    )+ };
}

/// Exceptions. Every one of the metastore is a struct of one field, the message, so that one
/// type holds them all and says which it is.
macro_rules! thrift_exceptions {
    ($(#[$meta:meta])* $kind:ident { $( $(#[$variant_meta:meta])* $variant:ident ),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $kind {
            $( $(#[$variant_meta])* $variant, )+
        }

        impl $kind {
            /// The name in Hive.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$variant => concat!(stringify!($variant), "Exception"), )+
                }
            }
        }
    };
}

/// A service, as a table of methods:
/// `EFFECT ARGUMENTS method [= "wireName"] { FIELDS } -> RESULT, throws { ID: EXCEPTION, … }
/// [default { RESULT }];`
///
/// It makes a struct of the arguments for each method, which is also the [`Method`] itself, a
/// trait for servers with one method each, and the function that finds the method of a call.
///
/// The effect is `reads` (may be sent again when the connection breaks), `writes`, or `oneway`
/// (there is no answer). The default is what a service answers that does not implement the
/// method; without one it is that the method is not supported. `unsupported` lists the names that the service has elsewhere.
///
/// [`Method`]: crate::hive_metastore::Method
macro_rules! thrift_service {
    (
        $(#[$service_meta:meta])*
        service $service:ident;
        $(#[$dispatch_meta:meta])*
        dispatch $dispatch:ident;
        methods { $(
            $(#[$meta:meta])*
            $effect:ident $args:ident $method:ident $(= $wire_name:literal)? { $($fields:tt)* }
                -> $reply:ty, throws { $( $id:literal : $exception:ident ),* $(,)? }
                $(default $default:block)?;
        )+ }
        unsupported { $( $unsupported:literal ),* $(,)? }
    ) => {
        $(
            thrift_struct! { $(#[$meta])* $args { $($fields)* } }

            impl $crate::hive_metastore::Method for $args {
                const NAME: &'static str = thrift_service!(@name $method $($wire_name)?);
                const EFFECT: $crate::hive_metastore::Effect = thrift_service!(@effect $effect);
                const THROWS: &'static [(i16, $crate::hive_metastore::ExceptionKind)] =
                    &[$( ($id, $crate::hive_metastore::ExceptionKind::$exception) ),*];
                type Reply = $reply;
            }
        )+

        $(#[$service_meta])*
        pub trait $service {
            $(
                $(#[$meta])*
                ///
                /// # Errors
                /// One of the exceptions that the method declares; any other reaches the client
                /// as an internal error.
                fn $method(
                    &mut self,
                    args: $args,
                ) -> Result<$reply, $crate::hive_metastore::ServiceError> {
                    let _ = args;
                    thrift_service!(@default $($default)?)
                }
            )+
        }

        $(#[$dispatch_meta])*
        pub(super) fn $dispatch<S: $service + ?Sized>(
            service: &mut S,
            call: $crate::hive_metastore::dispatch::Call<'_, '_, '_>,
        ) -> Result<(), $crate::hive_metastore::WireError> {
            use $crate::hive_metastore::Method;
            match call.name() {
                $( <$args as Method>::NAME => call.answer(|args: $args| service.$method(args)), )+
                $( $unsupported )|* => call.refuse_unsupported(),
                _ => call.refuse_unknown(),
            }
        }

        /// Shows every method to a test.
        #[cfg(test)]
        pub(super) fn visit_methods(
            visitor: &mut impl $crate::hive_metastore::dispatch::MethodVisitor,
        ) {
            $( visitor.visit::<$args>(); )+
        }
    };

    (@default) => { Err($crate::hive_metastore::ServiceError::NotSupported) };
    (@default $default:block) => { Ok($default) };
    (@name $method:ident) => { stringify!($method) };
    (@name $method:ident $wire_name:literal) => { $wire_name };
    (@effect reads) => { $crate::hive_metastore::Effect::Reads };
    (@effect writes) => { $crate::hive_metastore::Effect::Writes };
    (@effect oneway) => { $crate::hive_metastore::Effect::Oneway };
}

pub(in super::super) use {
    thrift_enum, thrift_exceptions, thrift_service, thrift_struct, thrift_union,
};
