/* SPDX-License-Identifier: MIT */
/* Which form of the metrics a client prefers (RFC 9110 section 12.5.1). Pure. */
#ifndef API_SERVICE_ADMISSION_ACCEPT_H
#define API_SERVICE_ADMISSION_ACCEPT_H

enum metrics_form { METRICS_JSON, METRICS_PROMETHEUS, METRICS_OPENMETRICS };

/*
 * `accept` is the header's value, NULL when there is none. JSON unless a text form is preferred by
 * name; what cannot be read counts as absent.
 */
enum metrics_form accept_metrics_form(const char *accept);

#endif
