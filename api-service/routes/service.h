/* SPDX-License-Identifier: MIT */
/* What the routes work with; one a process, wired by application.c. Everything is borrowed. */
#ifndef API_SERVICE_ROUTES_SERVICE_H
#define API_SERVICE_ROUTES_SERVICE_H

#include <stdatomic.h>

#include "api-service/admission/admission.h"

struct intake;
struct queue;
struct reads;
struct verifier;
struct worker_watch;

struct service {
    struct logins logins;
    struct intake *intake;
    struct reads *reads;
    struct verifier *verifier;
    struct queue *remote;       /* for its figures; NULL without Redis */
    struct worker_watch *watch; /* NULL without Redis: the process works on its orders itself */
    atomic_bool draining;       /* not ready any more; requests are still answered */
};

#endif
