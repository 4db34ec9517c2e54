/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "api-service/admission/auth.h"

/* "client:secret" in base64. */
#define CREDENTIALS "Y2xpZW50OnNlY3JldA=="

static void check_refused(const struct auth *auth, const char *authorization)
{
    char client_id[ORDER_CLIENT_ID_SIZE] = "untouched";
    cr_assert_eq(auth_check(auth, authorization, client_id), STATUS_NOT_FOUND, "\"%s\" passes",
                 authorization);
    cr_assert_str_eq(client_id, "untouched", "\"%s\"", authorization);
}

static void check_known(const struct auth *auth, const char *authorization, const char *expected)
{
    char client_id[ORDER_CLIENT_ID_SIZE];
    memset(client_id, 'x', sizeof client_id);
    cr_assert_eq(auth_check(auth, authorization, client_id), STATUS_OK, "\"%s\" is refused",
                 authorization);
    cr_assert_str_eq(client_id, expected);
}

Test(auth, the_right_credentials_tell_who_it_is)
{
    struct auth *auth = auth_create("client", "secret");
    check_known(auth, "Basic " CREDENTIALS, "client");
    auth_destroy(auth);
}

Test(auth, the_schemes_case_and_blanks_behind_it_do_not_matter)
{
    struct auth *auth = auth_create("client", "secret");
    check_known(auth, "basic " CREDENTIALS, "client");
    check_known(auth, "BASIC   " CREDENTIALS, "client");
    auth_destroy(auth);
}

Test(auth, missing_or_malformed_credentials_are_refused)
{
    static const char *const bad[] = {
        NULL,
        "",
        "Basic",
        "Basic ",
        "Basic" CREDENTIALS,
        "Bearer " CREDENTIALS,
        "Basics " CREDENTIALS,
        " Basic " CREDENTIALS,
        "Basic\t" CREDENTIALS,
        "Basic " CREDENTIALS " ",
        "Basic " CREDENTIALS ",",
        "Basic " CREDENTIALS " x",
        "Basic Y2xpZW50OnNlY3JldA",  /* without its padding */
        "Basic Y2xpZW50OnNlY3JldA=", /* with half of it */
        "Basic Y2xpZW50OnNlY3JldA===",
        "Basic Y2xp\nZW50OnNlY3JldA==",
        "Basic Y2xpZW50OnNlY3JldB==", /* bits beyond the last byte are not zero */
        "Basic client:secret",
        "Basic ====",
    };
    struct auth *auth = auth_create("client", "secret");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        check_refused(auth, bad[i]);
    }
    auth_destroy(auth);
}

Test(auth, wrong_credentials_are_refused)
{
    static const char *const wrong[] = {
        "Basic Y2xpZW50OlNlY3JldA==",     /* client:Secret */
        "Basic Q2xpZW50OnNlY3JldA==",     /* Client:secret */
        "Basic Y2xpZW50OnNlY3JldDE=",     /* client:secret1 */
        "Basic Y2xpZW50OnNlY3Jl",         /* client:secre */
        "Basic Y2xpZW50Og==",             /* client: */
        "Basic OnNlY3JldA==",             /* :secret */
        "Basic Y2xpZW50c2VjcmV0",         /* clientsecret */
        "Basic Y2xpZW50OnNlY3JldAA=",     /* client:secret and a NUL */
        "Basic Y2xpZW50OnNlY3JldABhYmM=", /* client:secret, a NUL and abc */
        "Basic Og==",                     /* : */
    };
    struct auth *auth = auth_create("client", "secret");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        check_refused(auth, wrong[i]);
    }
    auth_destroy(auth);
}

Test(auth, a_secret_may_hold_colons_and_any_bytes)
{
    struct auth *auth = auth_create("client", "se:cr\xc3\xa9t:");
    check_known(auth, "Basic Y2xpZW50OnNlOmNyw6l0Og==", "client");
    auth_destroy(auth);
}

Test(auth, the_longest_client_id_fits)
{
    char id[ORDER_CLIENT_ID_SIZE];
    char authorization[128] = "Basic ";
    memset(id, 'a', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    for (int i = 0; i < 21; i++) {
        strcat(authorization, "YWFh"); /* aaa */
    }
    strcat(authorization, "YTpz"); /* a:s */
    struct auth *auth = auth_create(id, "s");
    check_known(auth, authorization, id);
    auth_destroy(auth);
}

Test(auth, without_a_client_nobody_may_call)
{
    struct auth *auth = auth_create("", "");
    check_refused(auth, "Basic Og==");
    check_refused(auth, "Basic ");
    check_refused(auth, "Basic " CREDENTIALS);
    auth_destroy(auth);
    auth = auth_create("", "secret");
    check_refused(auth, "Basic OnNlY3JldA==");
    auth_destroy(auth);
}

Test(auth, a_known_client_is_named_whatever_the_secret)
{
    struct auth *auth = auth_create("client", "secret");
    cr_assert_str_eq(auth_client_named(auth, "Basic Y2xpZW50Ong="), "client"); /* client:x */
    cr_assert_str_eq(auth_client_named(auth, "basic Y2xpZW50Og=="), "client"); /* client: */
    static const char *const others[] = {
        NULL,
        "",
        "Basic ",
        "Bearer Y2xpZW50Ong=",
        "Basic client:x",
        "Basic Y2xpZW50",             /* client */
        "Basic Y2xpZW50czp4",         /* clients:x */
        "Basic Y2xpZW46eA==",         /* clien:x */
        "Basic Q2xpZW50Ong=",         /* Client:x */
        "Basic c2VjcmV0OmNsaWVudA==", /* secret:client */
        "Basic Ong=",                 /* :x */
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        cr_assert_null(auth_client_named(auth, others[i]), "\"%s\"", others[i]);
    }
    auth_destroy(auth);
    auth = auth_create("", "");
    cr_assert_null(auth_client_named(auth, "Basic Ong="));
    auth_destroy(auth);
}

Test(auth, credentials_of_any_length_are_survived)
{
    static char header[16 * 1024] = "Basic ";
    struct auth *auth = auth_create("client", "secret");
    for (size_t len = 1300; len < sizeof header - 8; len += 1021) {
        memset(header + 6, 'A', len);
        header[6 + len] = '\0';
        check_refused(auth, header);
        cr_assert_null(auth_client_named(auth, header));
    }
    auth_destroy(auth);
}

Test(auth, destroying_none_is_allowed)
{
    auth_destroy(NULL);
    struct auth *auth = auth_create("client", "secret");
    cr_assert_not_null(auth);
    auth_destroy(auth);
}
