/* SPDX-License-Identifier: MIT */
/*
 * The limit beside which order-api is measured: libmicrohttpd alone, on two threads of its own. It
 * reads the body of a POST in whole and answers every request 200 with the headers and as many
 * bytes as order-api's answers have.
 *
 * Listens on a free port of 127.0.0.1, prints "ready port=N" and serves until SIGTERM.
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    POOL_THREADS = 2,
    CONNECTIONS_MAX = 16384,
    IDLE_LIMIT_S = 75,
};

struct answers {
    struct MHD_Response *posted;
    struct MHD_Response *read;
};

static struct MHD_Response *make_answer(const char *body)
{
    struct MHD_Response *answer =
        MHD_create_response_from_buffer(strlen(body), (void *)(uintptr_t)body,
                                        MHD_RESPMEM_PERSISTENT);
    if (answer == NULL ||
        MHD_add_response_header(answer, "Content-Type", "application/json") != MHD_YES) {
        fputs("no memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return answer;
}

static struct answers make_answers(void)
{
    struct answers answers = {
        .posted = make_answer("{\"order_id\":\"ORD123456\",\"order_status\":\"Pending\"}"),
        .read = make_answer("{\"order_id\":\"ORD123456\",\"order_status\":\"Completed\"}"),
    };
    MHD_add_response_header(answers.posted, "Location", "/order/ORD123456");
    return answers;
}

/* libmicrohttpd calls it when the headers are there, for each piece of the body, and at its end. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request)
{
    (void)url;
    (void)version;
    (void)upload;
    const struct answers *answers = context;
    if (*request == NULL) {
        *request = context;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    bool is_post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    return MHD_queue_response(connection, MHD_HTTP_OK, is_post ? answers->posted : answers->read);
}

static struct MHD_Daemon *start_daemon(struct answers *answers)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                                MHD_USE_ERROR_LOG,
                            0, NULL, NULL, on_request, answers, MHD_OPTION_SOCK_ADDR, &address,
                            MHD_OPTION_LISTEN_BACKLOG_SIZE, (unsigned)SOMAXCONN,
                            MHD_OPTION_THREAD_POOL_SIZE, (unsigned)POOL_THREADS,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_LIMIT_S, MHD_OPTION_END);
}

int main(void)
{
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);

    struct answers answers = make_answers();
    struct MHD_Daemon *daemon = start_daemon(&answers);
    if (daemon == NULL) {
        fputs("cannot listen on 127.0.0.1\n", stderr);
        return EXIT_FAILURE;
    }
    printf("ready port=%u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    int received;
    sigwait(&stops, &received);
    MHD_stop_daemon(daemon);
    MHD_destroy_response(answers.posted);
    MHD_destroy_response(answers.read);
    return EXIT_SUCCESS;
}
