//! The generating code, in process: every broken document with its message, and edits of the smaller
//! kinds. The changes that a vendor makes are in `changes.rs`.

mod edits;
#[path = "../build/generate.rs"]
mod generate;

use edits::{CAP, SPEC};
use generate::{Options, generate};

const FILE: &str = "spec/onboarding.yaml";
const EVERYTHING: Options = Options {
    mock: true,
    schemars: true,
};

/// The specification with each `from` as `to`.
fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(SPEC.to_owned(), |spec, (from, to)| {
        edits::replaced(&spec, from, to)
    })
}

#[track_caller]
fn code(edits: &[(&str, &str)]) -> String {
    generate(FILE, &edited(edits), EVERYTHING).unwrap()
}

/// The document is refused in one line that starts with the file, and holds each of `expected`.
#[track_caller]
fn refused(document: &str, expected: &[&str]) {
    let problem = generate(FILE, document, EVERYTHING).expect_err("this document must be refused");
    assert!(problem.starts_with("spec/onboarding.yaml: "), "{problem}");
    assert!(
        !problem.contains('\n') && problem.chars().count() < 600,
        "{problem}"
    );
    assert!(problem.contains("expected"), "{problem}");
    for part in expected {
        assert!(problem.contains(part), "expected {part:?} in: {problem}");
    }
}

#[test]
fn what_is_no_document_is_refused() {
    refused("", &["openapi: expected 3.0.x", "found nothing"]);
    refused("[1, 2]", &["openapi: expected 3.0.x"]);
    refused("openapi: [", &["expected YAML", "line"]);
    refused(
        "openapi: 3.0.3",
        &["components.schemas.PackId: expected", "found nothing"],
    );
    refused(
        &edited(&[("  title: Connecteam onboarding assignments\n", "")]),
        &["info: expected an OpenAPI 3.0 document: missing field `title`"],
    );
    refused(
        &edited(&[("servers:\n", "servers:\n\t")]),
        &["expected YAML", "line 21"],
    );
    refused(
        &edited(&[("tags:\n", "servers: []\ntags:\n")]),
        &["duplicate", "servers"],
    );
}

#[test]
fn what_is_no_openapi_is_told_with_its_place() {
    const EXPECTED: &str = "expected an OpenAPI 3.0 document: ";
    for (from, to, place) in [
        (
            "  title: Connecteam onboarding assignments\n",
            "  title: [1]\n",
            "info: ",
        ),
        (
            "    x-region: Global",
            "    x-region: Global\n    variables: 1",
            "servers[0]: ",
        ),
        (
            "      summary: Get pack assignments\n",
            "      summary: {}\n",
            "assignments.get: ",
        ),
        (
            "        in: path\n",
            "        in: body\n",
            "paths./onboarding/v1/packs/{packId}/assignments: ",
        ),
        (
            "    AssignUsersRequest:\n",
            "    AssignUsersRequest:\n      nullable: perhaps\n",
            "schemas.AssignUsersRequest: ",
        ),
    ] {
        refused(&edited(&[(from, to)]), &[&format!("{place}{EXPECTED}")]);
    }
}

#[test]
fn another_version_is_refused() {
    refused(
        &edited(&[("openapi: 3.0.3", "openapi: 3.1.0")]),
        &["openapi: expected 3.0.x", "found \"3.1.0\""],
    );
    refused(
        &edited(&[("openapi: 3.0.3", "swagger: '2.0'")]),
        &["openapi: expected 3.0.x", "found nothing"],
    );
}

#[test]
fn a_cap_that_is_no_cap_is_refused() {
    const PLACE: &str =
        "components.schemas.AssignUsersRequest.properties.userIds.maxItems: expected";
    let cap = format!("maxItems: {CAP}");
    refused(
        &edited(&[(&cap, "minLength: 1")]),
        &[PLACE, "found nothing"],
    );
    refused(&edited(&[(&cap, "maxItems: 0")]), &[PLACE, "found 0"]);
    refused(
        &edited(&[(&cap, "maxItems: many")]),
        &[PLACE, "found \"many\""],
    );
    refused(&edited(&[(&cap, "maxItems: -1")]), &[PLACE, "found -1"]);
}

#[test]
fn an_operation_that_src_calls_must_stay() {
    refused(
        &edited(&[(
            "operationId: assignUsersToPack",
            "operationId: putUsersOnPack",
        )]),
        &[
            "paths: expected the operation `post` with `operationId: assignUsersToPack`",
            "\"putUsersOnPack\"",
        ],
    );
    refused(
        &edited(&[("    post:\n", "    put:\n")]),
        &["the operation `post`", "put \"assignUsersToPack\""],
    );
    refused(
        &edited(&[("      operationId: getPackAssignments\n", "")]),
        &["getPackAssignments", "get nothing"],
    );
    refused(
        &edited(&[("/{packId}/assignments", "/{pack}/assignments")]),
        &[
            "paths./onboarding/v1/packs/{pack}/assignments: expected",
            "`{packId}`",
        ],
    );
    refused(
        &edited(&[(
            "    get:\n",
            "      - {name: page, in: query, schema: {type: integer}}\n    get:\n",
        )]),
        &[
            "`get_pack_assignments` with the arguments `pack_id: &PackId`",
            "page",
        ],
    );
}

#[test]
fn a_dangling_reference_is_refused_with_its_place() {
    refused(
        &edited(&[(
            "#/components/schemas/PackAssignmentsResponse",
            "#/components/schemas/Gone",
        )]),
        &[
            "paths./onboarding/v1/packs/{packId}/assignments.get.responses.200.content.application/json.schema.$ref: \
           expected a place in this file, found #/components/schemas/Gone",
        ],
    );
    refused(
        &edited(&[("#/components/responses/Failed", "other.yaml#/Failed")]),
        &["found other.yaml#/Failed"],
    );
}

#[test]
fn responses_that_the_generator_cannot_tell_apart_are_refused() {
    const PLACE: &str = "paths./onboarding/v1/packs/{packId}/assignments.get.responses";
    refused(
        &edited(&[("        4XX:\n", "        default:\n")]),
        &[PLACE, ".default: expected", "`4XX` and `5XX`"],
    );
    let other_body = "        404:\n          description: No such pack.\n        4XX:\n";
    refused(
        &edited(&[("        4XX:\n", other_body)]),
        &[PLACE, "one type of error"],
    );
    refused(
        &edited(&[("        '200':\n", "        '400':\n")]),
        &["one type of error"],
    );
}

#[test]
fn servers_are_regions() {
    let (servers, rest) = (SPEC.find("servers:").unwrap(), SPEC.find("tags:").unwrap());
    refused(
        &(SPEC[..servers].to_owned() + &SPEC[rest..]),
        &["servers: expected one for each region"],
    );
    refused(
        &edited(&[("    x-region: Global\n", "")]),
        &["servers[0].x-region: expected", "found nothing"],
    );
    refused(
        &edited(&[("x-region: Australia", "x-region: Global")]),
        &["servers[1].x-region", "found \"Global\""],
    );
    refused(
        &edited(&[("x-region: Australia", "x-region: down under")]),
        &["servers[1].x-region", "down under"],
    );
    refused(
        &edited(&[("url: https://api.", "url: http://api.")]),
        &["servers[0].url: expected https://"],
    );
}

#[test]
fn credentials_are_told_completely() {
    refused(
        &edited(&[("in: header", "in: query")]),
        &["components.securitySchemes: expected an `apiKey` in a header"],
    );
    refused(&edited(&[("clientCredentials", "implicit")]), &["expected"]);
    refused(
        &edited(&[(
            "tokenUrl: https://api.connecteam.com/oauth/v1/token",
            "tokenUrl: https://api.connecteam.com",
        )]),
        &[
            "components.securitySchemes.oauth.flows.clientCredentials.tokenUrl: expected https:// with a path",
        ],
    );
    refused(
        &edited(&[(
            "- oauth: [onboarding.read]\n",
            "- oauth: [onboarding.reed]\n",
        )]),
        &[
            "assignments.get.security: expected a scope of",
            "\"onboarding.reed\"",
        ],
    );
}

#[test]
fn what_src_uses_must_stay() {
    refused(
        &edited(&[(
            "        userId:\n          description",
            "        user:\n          description",
        )]),
        &[
            "components.schemas.Assignment.properties.userId: expected",
            "`UserId`",
            "found `Value`",
        ],
    );
    refused(
        &edited(&[(
            "required: [id, userId, status, isWaitingApproval]",
            "required: [id, userId, status]",
        )]),
        &[
            "Assignment.properties.isWaitingApproval: expected",
            "`required`",
            "found `Option<bool>`",
        ],
    );
    refused(
        &edited(&[(
            "          allOf:\n            - $ref: '#/components/schemas/UserId'\n",
            "          type: string\n",
        )]),
        &["Assignment.properties.userId", "`UserId`", "found `String`"],
    );
    refused(
        &edited(&[("title: Message", "title: Words")]),
        &["components.schemas.ErrorDetail: expected a part with `title: Message`"],
    );
    refused(
        &edited(&[(
            "      format: int64\n      minimum: 1\n",
            "      format: int64\n",
        )]),
        &["components.schemas.PackId: expected `type: integer`"],
    );
    refused(
        &edited(&[
            ("required: [userIds]", "required: [userIds, by]"),
            (
                "        userIds:\n          type",
                "        by: {type: string}\n        userIds:\n          type",
            ),
        ]),
        &[
            "components.schemas.AssignUsersRequest: expected `userIds` to be the one required field",
            "`by`",
        ],
    );
}

#[test]
fn statuses_are_an_open_list_of_names() {
    const PLACE: &str = "components.schemas.AssignmentStatus.anyOf";
    let values = edits::line("enum: [in_progress, completed");
    refused(
        &edited(&[(values, "enum: []")]),
        &[PLACE, "an `enum` of the known values"],
    );
    refused(
        &edited(&[("        - type: string\n      example", "      example")]),
        &[PLACE, "beside a plain string"],
    );
    for bad in ["in-progress", "2nd", "other", "''", "größe"] {
        refused(
            &edited(&[(values, &format!("enum: [in_progress, {bad}]"))]),
            &[PLACE, ".enum: expected"],
        );
    }
}

#[test]
fn a_panic_of_the_generator_becomes_the_message() {
    refused(
        &edited(&[(
            "          content:\n            application/json:\n",
            "          content:\n            text/csv:\n",
        )]),
        &["expected"],
    );
    let spec = edited(&[(
        "        content:\n          application/json:\n            schema:\n              $ref: '#/components/schemas/AssignUsersRequest'",
        "        content:\n          application/json:\n            encoding: {userIds: {style: form}}\n            schema:\n              $ref: '#/components/schemas/AssignUsersRequest'",
    )]);
    refused(
        &spec,
        &[
            "expected what the generator supports",
            "it stopped with: not yet implemented",
        ],
    );
}

#[test]
fn the_document_as_it_is_makes_the_code_that_the_crate_has() {
    let built = include_str!(concat!(env!("OUT_DIR"), "/codegen.rs"));
    let options = Options {
        mock: cfg!(feature = "mock"),
        schemars: cfg!(feature = "schemars"),
    };
    assert_eq!(generate(FILE, SPEC, options).unwrap(), built);
}

#[test]
fn a_change_of_any_generating_file_is_seen() {
    let script = include_str!("../build.rs");
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/build")).unwrap() {
        let input = format!("\"build/{}\"", file.unwrap().file_name().display());
        assert!(
            script.contains(&input),
            "{input} is not among the inputs of build.rs"
        );
    }
}

#[test]
fn features_decide_what_else_is_written() {
    let plain = generate(
        FILE,
        SPEC,
        Options {
            mock: false,
            schemars: false,
        },
    )
    .unwrap();
    assert!(!plain.contains("httpmock") && !plain.contains("schemars"));
    let mock = generate(
        FILE,
        SPEC,
        Options {
            mock: true,
            schemars: false,
        },
    )
    .unwrap();
    assert!(mock.contains("pub trait MockServerExt") && !mock.contains("schemars"));
    let schemas = generate(
        FILE,
        SPEC,
        Options {
            mock: false,
            schemars: true,
        },
    )
    .unwrap();
    assert!(
        !schemas.contains("httpmock")
            && schemas.contains("impl schemars::JsonSchema for types::Assignment")
    );
}

#[test]
fn the_client_can_be_built_in_the_crate_only() {
    let code = code(&[]);
    assert!(!code.contains("pub fn new(baseurl"));
    assert!(code.contains("pub(crate) fn new_with_client"));
}

#[test]
fn a_field_follows() {
    let field = "        rehearsedAt:\n          type: string\n          format: date-time\n          description: By when.\n";
    let code = code(&[(
        "        isWaitingApproval:\n",
        &format!("{field}        isWaitingApproval:\n"),
    )]);
    // A text: this crate has no type for times, and refuses nothing.
    assert!(code.contains("/**By when.") || code.contains("///By when."));
    assert!(code.contains("pub rehearsed_at: ::std::option::Option<::std::string::String>"));
    assert!(code.contains(r#"\"format\":\"date-time\""#));
}

#[test]
fn a_field_of_the_request_follows() {
    let code = code(&[(
        "        userIds:\n          type",
        "        notify: {type: boolean}\n        userIds:\n          type",
    )]);
    assert!(code.contains("notify: None"));
}

#[test]
fn a_status_follows() {
    let code = code(&[(
        "enum: [in_progress, completed",
        "enum: [in_progress, completed, needs_a-Look",
    )]);
    assert!(code.contains("NeedsALook,"));
    assert!(code.contains(r#""needs_a-Look" => Self::NeedsALook"#));
    assert!(code.contains(r#"Self::NeedsALook => "needs_a-Look""#));
    // The same for a status of HTTP, as long as its body is the one that there is.
    let not_found =
        "        '404':\n          $ref: '#/components/responses/Refused'\n        4XX:\n";
    let code = self::code(&[("        4XX:\n", not_found)]);
    assert!(code.contains("404u16"));
}

#[test]
fn a_region_follows() {
    let code = code(&[(
        "tags:\n",
        "  - url: https://api-eu.connecteam.com\n    description: Europe.\n    x-region: Europe\ntags:\n",
    )]);
    assert!(code.contains(r#"Self::Europe => "https://api-eu.connecteam.com""#));
}
