/* SPDX-License-Identifier: MIT */
/* The program's calls into the other libraries: HTTP, Redis, JSON, URLs. */
#include <cjson/cJSON.h>
#include <hiredis/hiredis.h>
#include <microhttpd.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <uriparser/Uri.h>

#include "tests/torture/interposer.h"

#define INTERPOSE(...) INTERPOSE_WHEN(interposer_fails_program, __VA_ARGS__)

INTERPOSE(struct MHD_Response *, MHD_create_response_from_buffer,
          (size_t size, void *bytes, enum MHD_ResponseMemoryMode mode), (size, bytes, mode),
          return NULL;)
INTERPOSE(enum MHD_Result, MHD_add_response_header,
          (struct MHD_Response * response, const char *name, const char *value),
          (response, name, value), return MHD_NO;)
INTERPOSE(enum MHD_Result, MHD_queue_response,
          (struct MHD_Connection * connection, unsigned status, struct MHD_Response *response),
          (connection, status, response), return MHD_NO;)

/* Looked up at run time, since order-worker has no libmicrohttpd. */
struct MHD_Daemon *MHD_start_daemon(unsigned flags, uint16_t port, MHD_AcceptPolicyCallback accept,
                                    void *accept_context, MHD_AccessHandlerCallback handle,
                                    void *handle_context, ...)
{
    __typeof__(&MHD_start_daemon_va) real;
    va_list options;
    *(void **)&real = interposer_find("MHD_start_daemon_va");
    if (interposer_fails_program("MHD_start_daemon", __builtin_return_address(0))) {
        return NULL;
    }
    va_start(options, handle_context);
    struct MHD_Daemon *daemon =
        real(flags, port, accept, accept_context, handle, handle_context, options);
    va_end(options);
    return daemon;
}

static void break_redis(redisContext *context)
{
    shutdown(context->fd, SHUT_RDWR);
    context->err = REDIS_ERR_IO;
    snprintf(context->errstr, sizeof context->errstr, "made to fail");
}

INTERPOSE(redisContext *, redisConnectWithTimeout,
          (const char *host, int port, const struct timeval limit), (host, port, limit),
          return NULL;)
INTERPOSE(redisContext *, redisConnectUnixWithTimeout,
          (const char *path, const struct timeval limit), (path, limit), return NULL;)
INTERPOSE(int, redisSetTimeout, (redisContext * context, const struct timeval limit),
          (context, limit), return REDIS_ERR;)
INTERPOSE(int, redisEnableKeepAlive, (redisContext * context), (context), break_redis(context);
          return REDIS_ERR;)
/* An int before hiredis 1.0, a long long since. */
INTERPOSE(__typeof__(redisFormatCommandArgv(NULL, 0, NULL, NULL)), redisFormatCommandArgv,
          (char **bytes, int argc, const char **argv, const size_t *lengths),
          (bytes, argc, argv, lengths), return -1;)
INTERPOSE(int, redisGetReply, (redisContext * context, void **reply), (context, reply),
          break_redis(context);
          return REDIS_ERR;)

INTERPOSE(cJSON *, cJSON_ParseWithLength, (const char *text, size_t len), (text, len), return NULL;)
INTERPOSE(cJSON *, cJSON_Parse, (const char *text), (text), return NULL;)
INTERPOSE(cJSON *, cJSON_CreateObject, (void), (), return NULL;)
INTERPOSE(cJSON *, cJSON_CreateNumber, (double number), (number), return NULL;)
INTERPOSE(cJSON *, cJSON_CreateString, (const char *text), (text), return NULL;)
INTERPOSE(cJSON *, cJSON_AddNumberToObject, (cJSON * object, const char *name, double number),
          (object, name, number), return NULL;)
INTERPOSE(cJSON *, cJSON_AddStringToObject, (cJSON * object, const char *name, const char *text),
          (object, name, text), return NULL;)
INTERPOSE(cJSON *, cJSON_AddArrayToObject, (cJSON * object, const char *name), (object, name),
          return NULL;)
INTERPOSE(char *, cJSON_PrintUnformatted, (const cJSON *item), (item), return NULL;)

INTERPOSE(int, sodium_init, (void), (), return -1;)
INTERPOSE(int, uriParseSingleUriA, (UriUriA * uri, const char *text, const char **error),
          (uri, text, error), return URI_ERROR_MALLOC;)
INTERPOSE(int, uriDissectQueryMallocExA,
          (UriQueryListA * *list, int *count, const char *first, const char *after_last,
           UriBool plus_to_space, UriBreakConversion breaks),
          (list, count, first, after_last, plus_to_space, breaks), return URI_ERROR_MALLOC;)
