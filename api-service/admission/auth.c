/* SPDX-License-Identifier: MIT */
#include "api-service/admission/auth.h"

#include <assert.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/memory.h"

enum {
    CREDENTIALS_MAX = 1024, /* bytes of "id:secret" */
    HASH_SIZE = crypto_generichash_BYTES,
};

struct auth {
    unsigned char key[crypto_generichash_KEYBYTES];
    unsigned char expected[HASH_SIZE];    /* of "id:secret" */
    char client_id[ORDER_CLIENT_ID_SIZE]; /* empty: nobody may call */
};

static void hash(const struct auth *auth, const char *credentials, size_t len,
                 unsigned char out[HASH_SIZE])
{
    crypto_generichash(out, HASH_SIZE, (const unsigned char *)credentials, len, auth->key,
                       sizeof auth->key);
}

struct auth *auth_create(const char *client_id, const char *client_secret)
{
    struct auth *auth = memory_allocate(1, sizeof *auth);
    size_t id_len = strlen(client_id);
    size_t secret_len = strlen(client_secret);
    char *credentials = memory_allocate(id_len + secret_len + 2, 1);
    memcpy(credentials, client_id, id_len);
    credentials[id_len] = ':';
    memcpy(credentials + id_len + 1, client_secret, secret_len);
    randombytes_buf(auth->key, sizeof auth->key);
    assert(id_len < sizeof auth->client_id);
    memcpy(auth->client_id, client_id, id_len + 1);
    hash(auth, credentials, id_len + 1 + secret_len, auth->expected);
    sodium_memzero(credentials, id_len + secret_len + 2);
    free(credentials);
    return auth;
}

void auth_destroy(struct auth *auth)
{
    if (auth != NULL) {
        sodium_memzero(auth, sizeof *auth);
    }
    free(auth);
}

/* The text behind "Basic" and at least one blank; the scheme's case does not matter. */
static const char *basic_credentials(const char *authorization)
{
    if (authorization == NULL || strncasecmp(authorization, "Basic ", 6) != 0) {
        return NULL;
    }
    return authorization + 6 + strspn(authorization + 6, " ");
}

/* "id:secret", not terminated. False: there is none, or it is malformed. */
static bool decode(const char *authorization, char credentials[CREDENTIALS_MAX], size_t *len)
{
    const char *encoded = basic_credentials(authorization);
    return encoded != NULL &&
           sodium_base642bin((unsigned char *)credentials, CREDENTIALS_MAX, encoded,
                             strlen(encoded), NULL, len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0;
}

enum status auth_check(const struct auth *auth, const char *authorization,
                       char client_id[ORDER_CLIENT_ID_SIZE])
{
    char credentials[CREDENTIALS_MAX];
    size_t len = 0;
    if (!decode(authorization, credentials, &len)) {
        return STATUS_NOT_FOUND;
    }
    unsigned char actual[HASH_SIZE];
    hash(auth, credentials, len, actual);
    bool same = sodium_memcmp(actual, auth->expected, HASH_SIZE) == 0;
    if (!same || auth->client_id[0] == '\0') {
        return STATUS_NOT_FOUND;
    }
    memcpy(client_id, auth->client_id, sizeof auth->client_id);
    return STATUS_OK;
}

const char *auth_client_named(const struct auth *auth, const char *authorization)
{
    char credentials[CREDENTIALS_MAX];
    size_t len = 0;
    if (auth->client_id[0] == '\0' || !decode(authorization, credentials, &len)) {
        return NULL;
    }
    const char *colon = memchr(credentials, ':', len);
    size_t id_len = strlen(auth->client_id);
    bool names_it = colon != NULL && (size_t)(colon - credentials) == id_len &&
                    sodium_memcmp(credentials, auth->client_id, id_len) == 0;
    return names_it ? auth->client_id : NULL;
}
