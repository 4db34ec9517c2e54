/* SPDX-License-Identifier: MIT */
#include "tests/support/fault_wire.h"

#include <string.h>
#include <strings.h>

enum {
    MYSQL_HEAD = 4,
    MYSQL_COM_QUERY = 3,
    MYSQL_SHORT = 32, /* longer than any COMMIT */
    POSTGRES_START_HEAD = 8,
    POSTGRES_HEAD = 5,
    POSTGRES_SSL_REQUEST = 80877103,
    POSTGRES_GSS_REQUEST = 80877104,
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Takes what there is of a message, and remembers how much is to come. */
static struct fault_piece take(struct fault_wire *wire, enum fault_way way, size_t whole,
                               size_t len)
{
    size_t taken = smaller(whole, len);
    wire->left[way] = whole - taken;
    return (struct fault_piece){.len = taken};
}

static bool is_commit(const uint8_t *text, size_t len)
{
    static const char commit[] = "COMMIT";
    enum { LEN = sizeof commit - 1 };
    return len >= LEN && strncasecmp((const char *)text, commit, LEN) == 0 &&
           (len == LEN || strchr("; ", text[LEN]) != NULL || text[LEN] == '\0');
}

/* Newer clients put the number of a query's attributes before its text, which is none, in one set.
 */
static bool is_mysql_commit(const uint8_t *payload, size_t len)
{
    static const uint8_t no_attributes[] = {0, 1};
    if (len < 1 || payload[0] != MYSQL_COM_QUERY) {
        return false;
    }
    payload++;
    len--;
    if (len >= sizeof no_attributes && memcmp(payload, no_attributes, sizeof no_attributes) == 0) {
        payload += sizeof no_attributes;
        len -= sizeof no_attributes;
    }
    return is_commit(payload, len);
}

static size_t mysql_payload(const uint8_t *bytes)
{
    return bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16;
}

static struct fault_piece from_mysql_client(struct fault_wire *wire, const uint8_t *bytes,
                                            size_t len)
{
    if (len < MYSQL_HEAD) {
        return (struct fault_piece){0};
    }
    size_t payload = mysql_payload(bytes);
    size_t whole = MYSQL_HEAD + payload;
    bool is_command = bytes[3] == 0; /* the first packet of an exchange */
    if (!is_command || payload > MYSQL_SHORT) {
        struct fault_piece piece = take(wire, FAULT_TO_SERVER, whole, len);
        piece.begins_command = is_command;
        return piece;
    }
    if (len < whole) {
        return (struct fault_piece){0};
    }
    bool commits = is_mysql_commit(bytes + MYSQL_HEAD, payload);
    return (struct fault_piece){.len = whole,
                                .begins_command = true,
                                .begins_commit = commits,
                                .ends_commit = commits};
}

/* The answer to a COMMIT is one packet. That of another is not, but nobody asks. */
static struct fault_piece from_mysql_server(struct fault_wire *wire, const uint8_t *bytes,
                                            size_t len)
{
    if (len < MYSQL_HEAD) {
        return (struct fault_piece){0};
    }
    struct fault_piece piece = take(wire, FAULT_TO_CLIENT, MYSQL_HEAD + mysql_payload(bytes), len);
    piece.ends_answer = wire->left[FAULT_TO_CLIENT] == 0;
    return piece;
}

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The first messages of a client have no type: requests to encrypt, then the start. */
static struct fault_piece from_starting_postgres(struct fault_wire *wire, const uint8_t *bytes,
                                                 size_t len)
{
    if (len < POSTGRES_START_HEAD) {
        return (struct fault_piece){0};
    }
    uint32_t code = big_endian(bytes + 4);
    if (code == POSTGRES_SSL_REQUEST || code == POSTGRES_GSS_REQUEST) {
        wire->raw_answers++;
    } else {
        wire->started = true;
    }
    return take(wire, FAULT_TO_SERVER, big_endian(bytes), len);
}

static bool writes(const char *sql)
{
    return strcasestr(sql, "INSERT INTO ") != NULL || strcasestr(sql, "UPDATE ") != NULL ||
           strcasestr(sql, "DELETE FROM ") != NULL;
}

static bool is_writer(const struct fault_wire *wire, const char *name)
{
    for (size_t i = 0; i < wire->writer_count; i++) {
        if (strcmp(wire->writers[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* A statement with a name is only prepared; it runs when it is bound. */
static void note_prepared(struct fault_wire *wire, const char *name, const char *sql)
{
    if (writes(sql) && strlen(name) < FAULT_WIRE_NAME_SIZE &&
        wire->writer_count < FAULT_WIRE_WRITERS) {
        strcpy(wire->writers[wire->writer_count++], name);
    }
}

/* The string behind the one at `text`, in a message up to `end`; NULL: there is none that ends. */
static const char *next_string(const char *text, const char *end)
{
    const char *next = text + strnlen(text, (size_t)(end - text)) + 1;
    return next < end && memchr(next, '\0', (size_t)(end - next)) != NULL ? next : NULL;
}

/* `text` to `end`: of a Query its statement; of a Parse its name, then the statement; of a Bind the
 * portal's name, then the statement's. */
static bool is_postgres_commit(struct fault_wire *wire, uint8_t type, const char *text,
                               const char *end)
{
    bool is_whole = memchr(text, '\0', (size_t)(end - text)) != NULL;
    const char *second = is_whole && type != 'Q' ? next_string(text, end) : NULL;
    if (!is_whole || (type != 'Q' && second == NULL)) {
        return false;
    }
    if (type == 'B') {
        return !wire->in_transaction && is_writer(wire, second);
    }
    if (type == 'P' && text[0] != '\0') {
        note_prepared(wire, text, second);
        return false;
    }
    const char *sql = type == 'P' ? second : text;
    return is_commit((const uint8_t *)sql, strlen(sql)) || (!wire->in_transaction && writes(sql));
}

/* How much of a message must be there to tell whether it commits. */
static size_t telling_part(uint8_t type, size_t whole)
{
    switch (type) {
    case 'P':
    case 'Q':
        return whole <= FAULT_WIRE_MAX ? whole : 0;
    case 'B':
        return smaller(whole, POSTGRES_HEAD + 1 + FAULT_WIRE_NAME_SIZE);
    default:
        return 0;
    }
}

/* A statement is one Query, or a Parse, a Bind and more up to Sync. */
static struct fault_piece from_postgres_client(struct fault_wire *wire, const uint8_t *bytes,
                                               size_t len)
{
    if (!wire->started) {
        return from_starting_postgres(wire, bytes, len);
    }
    if (len < POSTGRES_HEAD) {
        return (struct fault_piece){0};
    }
    uint8_t type = bytes[0];
    size_t whole = 1 + (size_t)big_endian(bytes + 1);
    size_t telling = telling_part(type, whole);
    if (len < telling) {
        return (struct fault_piece){0};
    }
    struct fault_piece piece = take(wire, FAULT_TO_SERVER, whole, len);
    if (telling > 0 && is_postgres_commit(wire, type, (const char *)bytes + POSTGRES_HEAD,
                                          (const char *)bytes + telling)) {
        piece.begins_commit = true;
        piece.ends_commit = type == 'Q';
        wire->committing = type != 'Q';
    }
    if (type == 'S' && wire->committing) {
        piece.ends_commit = true;
        wire->committing = false;
    }
    return piece;
}

/* Only ReadyForQuery, which ends the answer to a statement, is looked into: it says whether a
 * transaction is open. */
static struct fault_piece from_postgres_server(struct fault_wire *wire, const uint8_t *bytes,
                                               size_t len)
{
    if (wire->raw_answers > 0) {
        wire->raw_answers--;
        return (struct fault_piece){.len = 1};
    }
    if (len < POSTGRES_HEAD || (bytes[0] == 'Z' && len == POSTGRES_HEAD)) {
        return (struct fault_piece){0};
    }
    struct fault_piece piece = take(wire, FAULT_TO_CLIENT, 1 + (size_t)big_endian(bytes + 1), len);
    if (bytes[0] == 'Z') {
        wire->in_transaction = bytes[POSTGRES_HEAD] != 'I';
        piece.ends_answer = true;
    }
    return piece;
}

struct fault_piece fault_wire_from_client(struct fault_wire *wire, const uint8_t *bytes, size_t len)
{
    if (len == 0 || wire->protocol == FAULT_PLAIN) {
        return (struct fault_piece){.len = len};
    }
    if (wire->left[FAULT_TO_SERVER] > 0) {
        return take(wire, FAULT_TO_SERVER, wire->left[FAULT_TO_SERVER], len);
    }
    return wire->protocol == FAULT_MYSQL ? from_mysql_client(wire, bytes, len)
                                         : from_postgres_client(wire, bytes, len);
}

struct fault_piece fault_wire_from_server(struct fault_wire *wire, const uint8_t *bytes, size_t len)
{
    if (len == 0 || wire->protocol == FAULT_PLAIN) {
        return (struct fault_piece){.len = len};
    }
    if (wire->left[FAULT_TO_CLIENT] > 0) {
        struct fault_piece piece = take(wire, FAULT_TO_CLIENT, wire->left[FAULT_TO_CLIENT], len);
        piece.ends_answer = wire->protocol == FAULT_MYSQL && wire->left[FAULT_TO_CLIENT] == 0;
        return piece;
    }
    return wire->protocol == FAULT_MYSQL ? from_mysql_server(wire, bytes, len)
                                         : from_postgres_server(wire, bytes, len);
}
