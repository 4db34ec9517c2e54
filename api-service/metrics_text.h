/* SPDX-License-Identifier: MIT */
/* The metrics in the three forms a client may ask for. Pure. */
#ifndef API_SERVICE_METRICS_TEXT_H
#define API_SERVICE_METRICS_TEXT_H

#include "api-service/accept.h"
#include "api-service/http.h"
#include "common/store/store.h"

void metrics_text_fill(struct http_response *response, enum metrics_form form,
                       const struct order_counts *counts);

#endif
