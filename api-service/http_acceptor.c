/* SPDX-License-Identifier: MIT */
#include "api-service/http_acceptor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "api-service/http_listener.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/thread.h"

enum { PAUSE_MS = 10 }; /* when there is no room, or no descriptor */

struct http_acceptor {
    struct http_acceptor_hands hands;
    int listener;
    int stop_asked; /* an eventfd */
    pthread_t thread;
    bool failing; /* the thread's: the log has the cause */
};

/* Not the client's fault, and not over with the next one: as a rule too many open files. */
static void note_failure(struct http_acceptor *acceptor)
{
    if (!acceptor->failing) {
        log_error("cannot accept connections", log_str("error", strerror(errno)));
    }
    acceptor->failing = true;
}

/* False: there may be more, but not now. */
static bool accept_waiting(struct http_acceptor *acceptor)
{
    struct sockaddr_storage address;
    for (int i = 0; i < SOMAXCONN; i++) {
        if (!acceptor->hands.has_room(acceptor->hands.context)) {
            return false;
        }
        socklen_t len = sizeof address;
        int socket = http_listener_accept(acceptor->listener, &address, &len);
        if (socket < 0 && errno == EAGAIN) {
            return true;
        }
        if (socket < 0) {
            note_failure(acceptor);
            return false;
        }
        acceptor->failing = false;
        acceptor->hands.take(acceptor->hands.context, socket, (struct sockaddr *)&address, len);
    }
    return true;
}

static void *run(void *arg)
{
    struct http_acceptor *acceptor = arg;
    struct pollfd events[] = {{.fd = acceptor->stop_asked, .events = POLLIN},
                              {.fd = acceptor->listener, .events = POLLIN}};
    bool ready = true;
    for (;;) {
        int count = poll(events, ready ? 2 : 1, ready ? -1 : PAUSE_MS);
        if (count > 0 && events[0].revents != 0) {
            break;
        }
        ready = accept_waiting(acceptor);
    }
    (void)accept_waiting(acceptor);
    close(acceptor->listener);
    return NULL;
}

struct http_acceptor *http_acceptor_start(int listener, const struct http_acceptor_hands *hands)
{
    int stop_asked = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop_asked < 0 || listen(listener, SOMAXCONN) != 0) {
        log_error("HOST, PORT: cannot listen there", log_str("error", strerror(errno)));
        if (stop_asked >= 0) {
            close(stop_asked);
        }
        close(listener);
        return NULL;
    }
    struct http_acceptor *acceptor = memory_allocate(1, sizeof *acceptor);
    acceptor->hands = *hands;
    acceptor->listener = listener;
    acceptor->stop_asked = stop_asked;
    acceptor->thread = thread_start("http-acceptor", run, acceptor);
    return acceptor;
}

void http_acceptor_stop(struct http_acceptor *acceptor)
{
    if (acceptor == NULL) {
        return;
    }
    (void)eventfd_write(acceptor->stop_asked, 1); /* fails only where it was written before */
    pthread_join(acceptor->thread, NULL);
    close(acceptor->stop_asked);
    free(acceptor);
}
