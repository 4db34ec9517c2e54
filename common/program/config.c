/* SPDX-License-Identifier: MIT */
#include "common/program/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/utf8.h"
#include "common/program/blanks.h"
#include "common/program/dotenv.h"
#include "common/program/spelling.h"

enum {
    VALUE_SIZE = 4096,
    REASON_SIZE = 400,
    BOTH = CONFIG_API | CONFIG_WORKER,
};

/*
 * Reads one value into the config. On failure it writes into `reason` what the value should be; the
 * caller writes the variable's name before it. The value itself is not shown: it may be a secret.
 */
typedef bool read_value(const char *value, struct config *config, char reason[REASON_SIZE]);

static bool refuse(char reason[REASON_SIZE], const char *what)
{
    snprintf(reason, REASON_SIZE, "%s", what);
    return false;
}

static bool read_number(const char *value, uint32_t min, uint32_t max, uint32_t *number,
                        char reason[REASON_SIZE])
{
    char *end;
    errno = 0;
    unsigned long long read = strtoull(value, &end, 10);
    if (!isdigit((unsigned char)*value) || *end != '\0' || errno != 0 || read < min || read > max) {
        snprintf(reason, REASON_SIZE, "must be a whole number from %u to %u", min, max);
        return false;
    }
    *number = (uint32_t)read;
    return true;
}

static bool read_text(const char *value, char *out, size_t size, char reason[REASON_SIZE])
{
    size_t len = strlen(value);
    uint32_t code_point;
    if (len >= size) {
        snprintf(reason, REASON_SIZE, "must be at most %zu bytes long", size - 1);
        return false;
    }
    for (size_t at = 0, step; at < len; at += step) {
        step = utf8_next(value + at, len - at, &code_point);
        if (step == 0 || utf8_is_control(code_point)) {
            return refuse(reason, "must be UTF-8 text without control characters");
        }
    }
    memcpy(out, value, len + 1);
    return true;
}

static bool read_database_url(const char *value, struct config *config, char reason[REASON_SIZE])
{
    const struct database_url *url = &config->database;
    if (database_url_parse(value, &config->database, reason) != STATUS_OK) {
        return false;
    }
    /* Checked here: later it would look like a server that does not answer. */
    if (url->tls_ca[0] != '\0' && url->path[0] == '\0' && access(url->tls_ca, R_OK) != 0) {
        bool named = strcmp(url->tls_ca, DATABASE_SYSTEM_CA) != 0;
        snprintf(reason, REASON_SIZE, "the certificates of %s cannot be read: %s%s",
                 named ? "ssl_ca" : DATABASE_SYSTEM_CA, strerror(errno),
                 named ? "" : "; install ca-certificates, or name a file with ssl_ca");
        return false;
    }
    return true;
}

static bool read_required_durability(const char *value, struct config *config,
                                     char reason[REASON_SIZE])
{
    return durability_parse(*value != '\0' ? value : "none", &config->required_durability) ||
           refuse(reason, "must be none, process-crash or power-loss");
}

static bool read_redis_url(const char *value, struct config *config, char reason[REASON_SIZE])
{
    config->has_redis = *value != '\0';
    return !config->has_redis || redis_url_parse(value, &config->redis, reason) == STATUS_OK;
}

static bool read_redis_queue(const char *value, struct config *config, char reason[REASON_SIZE])
{
    return read_text(value, config->redis_queue, sizeof config->redis_queue, reason);
}

static bool read_host(const char *value, struct config *config, char reason[REASON_SIZE])
{
    size_t len = strlen(value);
    const char *colon = strchr(value, ':');
    bool in_brackets = len > 2 && value[0] == '[' && value[len - 1] == ']';
    if (strpbrk(value, "/ ") != NULL || (strchr(value, ']') != NULL && !in_brackets) ||
        (colon != NULL && strchr(colon + 1, ':') == NULL)) {
        return refuse(reason, "must be an address alone, such as 0.0.0.0 or ::1; the port stands "
                              "in PORT");
    }
    if (!read_text(value, config->host, sizeof config->host, reason)) {
        return false;
    }
    if (in_brackets) { /* as in a URL */
        memmove(config->host, config->host + 1, len - 2);
        config->host[len - 2] = '\0';
    }
    return true;
}

static bool read_port(const char *value, struct config *config, char reason[REASON_SIZE])
{
    uint32_t port = 0;
    bool read = read_number(value, 0, UINT16_MAX, &port, reason);
    config->port = (uint16_t)port;
    return read;
}

static bool read_client_id(const char *value, struct config *config, char reason[REASON_SIZE])
{
    /* RFC 7617 section 2: a colon would end the id inside the credentials. */
    if (strchr(value, ':') != NULL) {
        return refuse(reason, "must not contain a colon");
    }
    return read_text(value, config->client_id, sizeof config->client_id, reason);
}

static bool read_client_secret(const char *value, struct config *config, char reason[REASON_SIZE])
{
    return read_text(value, config->client_secret, sizeof config->client_secret, reason);
}

static bool read_processing_delay(const char *value, struct config *config,
                                  char reason[REASON_SIZE])
{
    return read_number(value, 0, 24 * 60 * 60 * 1000, &config->processing_delay_ms, reason);
}

static bool read_worker_capacity(const char *value, struct config *config, char reason[REASON_SIZE])
{
    return read_number(value, 1, 10 * 1000 * 1000, &config->worker_capacity, reason);
}

static bool read_health_file(const char *value, struct config *config, char reason[REASON_SIZE])
{
    return read_text(value, config->health_file, sizeof config->health_file, reason);
}

static bool read_log_level(const char *value, struct config *config, char reason[REASON_SIZE])
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(value, names[i]) == 0) {
            config->log_level = (enum log_level)i;
            return true;
        }
    }
    return refuse(reason, "must be debug, info, warn or error");
}

static bool read_log_format(const char *value, struct config *config, char reason[REASON_SIZE])
{
    bool json = strcmp(value, "json") == 0;
    config->log_format = json ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT;
    return json || strcmp(value, "logfmt") == 0 || refuse(reason, "must be logfmt or json");
}

struct setting {
    const char *name;
    const char *default_value;
    int programs; /* of enum config_program */
    read_value *read;
    const char *meaning;
};

static const struct setting settings[] = {
    {"DATABASE_URL", "sqlite:///./orders.db", BOTH, read_database_url,
     "sqlite:///relative, sqlite:////absolute, mysql://user:pw@host:port/db or postgresql://...; "
     "after the ?: unix_socket, ssl, ssl_ca, connect_timeout (see common/README.md)"},
    {"REQUIRE_DURABILITY", "", BOTH, read_required_durability,
     "what stored orders must survive, else the program does not start: none, process-crash (of "
     "the database), power-loss (of its machine)"},
    {"REDIS_URL", "", BOTH, read_redis_url,
     "redis://[user:pw@]host:port/db or unix:///path; empty: a queue in the process"},
    {"HOST", "127.0.0.1", CONFIG_API, read_host, "address to listen on"},
    {"PORT", "8000", CONFIG_API, read_port,
     "port to listen on; 0 picks a free one; the log says ready port=N"},
    {"API_CLIENT_ID", "", CONFIG_API, read_client_id, "id of the client that may call"},
    {"API_CLIENT_SECRET", "", CONFIG_API, read_client_secret, "that client's secret"},
    {"PROCESSING_DELAY_MS", "2000", BOTH, read_processing_delay,
     "milliseconds an order stays in Processing"},
    {"WORKER_CAPACITY", "100000", BOTH, read_worker_capacity,
     "most orders one worker holds in Processing; with so many it takes no more"},
    {"REDIS_QUEUE", "orders:pending", BOTH, read_redis_queue, "key of the Redis list"},
    {"HEALTH_FILE", "", CONFIG_WORKER, read_health_file,
     "file of this worker alone, which it touches while it works; order-worker health reads its "
     "age"},
    {"LOG_LEVEL", "info", BOTH, read_log_level, "debug, info, warn or error"},
    {"LOG_FORMAT", "logfmt", BOTH, read_log_format, "logfmt or json"},
};

enum { SETTING_COUNT = sizeof settings / sizeof settings[0] };

const char *config_program_name(enum config_program program)
{
    return program == CONFIG_API ? "order-api" : "order-worker";
}

void config_print_settings(enum config_program program)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (settings[i].programs & (int)program) {
            printf("  %-20s %s\n%23s(default: %s)\n", settings[i].name, settings[i].meaning, "",
                   settings[i].default_value[0] != '\0' ? settings[i].default_value : "none");
        }
    }
}

static void cut_line_end(char *value, size_t len)
{
    if (len > 0 && value[len - 1] == '\n') {
        value[--len] = '\0';
        if (len > 0 && value[len - 1] == '\r') {
            value[len - 1] = '\0';
        }
    }
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* What an editor adds would be part of a secret, and every call of a client a 401. */
static bool check_edges(const char *value, char reason[REASON_SIZE])
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    size_t len = strlen(value);
    if (strncmp(value, byte_order_mark, strlen(byte_order_mark)) == 0) {
        return refuse(reason, "the file it names begins with a byte order mark; save it without");
    }
    if (len > 0 && (is_blank(value[0]) || is_blank(value[len - 1]))) {
        return refuse(reason, "the file it names begins or ends with a blank or an empty line, "
                              "which would be part of the value; remove it");
    }
    return true;
}

/* The content of the file `path`, less one line end. */
static bool read_file(const char *path, char value[VALUE_SIZE], char reason[REASON_SIZE])
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        snprintf(reason, REASON_SIZE, "the file it names cannot be read: %s", strerror(errno));
        return false;
    }
    size_t len = fread(value, 1, VALUE_SIZE, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed || len == VALUE_SIZE || memchr(value, '\0', len) != NULL) {
        return refuse(reason, "the file it names must be text of less than 4096 bytes");
    }
    value[len] = '\0';
    cut_line_end(value, len);
    return check_edges(value, reason);
}

typedef const char *lookup_value(const void *source, const char *name);

static const char *from_environment(const void *source, const char *name)
{
    (void)source;
    return getenv(name);
}

static const char *from_dotenv(const void *source, const char *name)
{
    const struct dotenv_entry *entry = dotenv_find(source, name);
    return entry != NULL ? entry->value : NULL;
}

/* Where settings are looked up. */
struct source {
    lookup_value *lookup;
    const void *from;
};

enum found { FOUND_NOT, FOUND_VALUE, FOUND_WRONG };

/* Looks for NAME and NAME_FILE in one source. `blamed` becomes the variable that `reason` is about.
 */
static enum found find_value(const struct source *source, const char *name, char value[VALUE_SIZE],
                             char blamed[CONFIG_VARIABLE_SIZE], char reason[REASON_SIZE])
{
    const char *direct = source->lookup(source->from, name);
    snprintf(blamed, CONFIG_VARIABLE_SIZE, "%s_FILE", name);
    const char *path = source->lookup(source->from, blamed);
    if (path != NULL && *path != '\0') {
        if (direct != NULL && *direct != '\0') {
            snprintf(reason, REASON_SIZE, "%s is set too; remove one of the two", name);
            return FOUND_WRONG;
        }
        return read_file(path, value, reason) ? FOUND_VALUE : FOUND_WRONG;
    }
    snprintf(blamed, CONFIG_VARIABLE_SIZE, "%s", name);
    if (direct == NULL) {
        return FOUND_NOT;
    }
    if (strlen(direct) >= VALUE_SIZE) {
        snprintf(reason, REASON_SIZE, "must be shorter than %d bytes", VALUE_SIZE);
        return FOUND_WRONG;
    }
    strcpy(value, direct);
    return FOUND_VALUE;
}

static bool complain(enum config_program program, const char *variable, const char *reason)
{
    fprintf(stderr, "%s: %s: %s\n", config_program_name(program), variable, reason);
    return false;
}

static void note_origin(struct config_origin *origin, const char *variable, const char *source)
{
    snprintf(origin->variable, sizeof origin->variable, "%s", variable);
    origin->source = source;
}

/* False: the entry of .env for NAME or NAME_FILE cannot be read. */
static bool check_entry(const struct dotenv *env, const char *name, char reason[REASON_SIZE])
{
    char with_file[CONFIG_VARIABLE_SIZE];
    snprintf(with_file, sizeof with_file, "%s_FILE", name);
    const struct dotenv_entry *entries[] = {dotenv_find(env, name), dotenv_find(env, with_file)};
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        if (entries[i] != NULL && entries[i]->wrong != NULL) {
            snprintf(reason, REASON_SIZE, ".env, line %d: %s", entries[i]->line, entries[i]->wrong);
            return false;
        }
    }
    return true;
}

/* It cannot be seen, and would be part of the value. */
static bool check_wide_blanks(const char *value, char reason[REASON_SIZE])
{
    return (blanks_wide_at_start(value) == 0 && blanks_wide_at_end(value, strlen(value)) == 0) ||
           refuse(reason, "begins or ends with a blank that is not ASCII, such as a no-break "
                          "space; remove it");
}

static bool load_setting(enum config_program program, const struct setting *setting,
                         const struct dotenv *env, struct config *config)
{
    char value[VALUE_SIZE] = "";
    char blamed[CONFIG_VARIABLE_SIZE];
    char reason[REASON_SIZE] = "";
    enum found found =
        find_value(&(struct source){from_environment, NULL}, setting->name, value, blamed, reason);
    const char *source = "environment";
    if (found == FOUND_NOT && !check_entry(env, setting->name, reason)) {
        return complain(program, setting->name, reason);
    }
    if (found == FOUND_NOT) {
        found =
            find_value(&(struct source){from_dotenv, env}, setting->name, value, blamed, reason);
        source = ".env";
    }
    if (found == FOUND_WRONG || !check_wide_blanks(value, reason)) {
        return complain(program, blamed, reason);
    }
    if (value[0] == '\0') {
        strcpy(value, setting->default_value);
        source = "default";
    }
    if (setting->read == read_database_url) {
        note_origin(&config->database_origin, blamed, source);
    }
    return setting->read(value, config, reason) || complain(program, blamed, reason);
}

static bool check_together(enum config_program program, const struct config *config)
{
    if (program == CONFIG_API && config->client_id[0] != '\0' && config->client_secret[0] == '\0') {
        return complain(program, "API_CLIENT_SECRET", "must be set when API_CLIENT_ID is");
    }
    if (program == CONFIG_API && config->client_id[0] == '\0' && config->client_secret[0] != '\0') {
        return complain(program, "API_CLIENT_ID", "must be set when API_CLIENT_SECRET is");
    }
    return true;
}

static bool is_setting(const char *name)
{
    char with_file[CONFIG_VARIABLE_SIZE];
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        snprintf(with_file, sizeof with_file, "%s_FILE", settings[i].name);
        if (strcmp(name, settings[i].name) == 0 || strcmp(name, with_file) == 0) {
            return true;
        }
    }
    return false;
}

/* One line for each name in .env that is nearly a setting. The file may be other programs' too, so
 * names that are nothing like one are theirs. */
static void point_out_misspelt(enum config_program program, const struct dotenv *env)
{
    for (size_t i = 0; i < env->count; i++) {
        const char *name = env->entries[i].name;
        for (size_t j = 0; j < SETTING_COUNT && !is_setting(name); j++) {
            if (spelling_is_close(name, settings[j].name)) {
                fprintf(stderr, "%s: .env: %s is not a setting and is passed over; is %s meant?\n",
                        config_program_name(program), name, settings[j].name);
            }
        }
    }
}

bool config_load(enum config_program program, struct config *config)
{
    *config = (struct config){0};
    struct dotenv env;
    char reason[REASON_SIZE];
    if (dotenv_read(".env", &env, reason, sizeof reason) == STATUS_INVALID) {
        fprintf(stderr, "%s: %s\n", config_program_name(program), reason);
        dotenv_finish(&env);
        return false;
    }
    point_out_misspelt(program, &env);
    bool good = true;
    for (size_t i = 0; i < SETTING_COUNT && good; i++) {
        if (settings[i].programs & (int)program) {
            good = load_setting(program, &settings[i], &env, config);
        }
    }
    dotenv_finish(&env);
    return good && check_together(program, config);
}
