/* SPDX-License-Identifier: MIT */
/* GET /livez, /healthz and /readyz, for supervisors and balancers. */
#ifndef API_SERVICE_ROUTES_HEALTH_H
#define API_SERVICE_ROUTES_HEALTH_H

#include "api-service/routes/read_request.h"

/* 200: the process lives. */
enum http_next livez_start(struct service *service, struct request *request);

/*
 * 200: the database answers; with a warning while orders wait and no worker starts them. 503: it
 * does not answer, or refuses to store orders, or the service is about to stop.
 */
enum http_next readyz_start(struct service *service, struct request *request);

#endif
