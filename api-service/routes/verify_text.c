/* SPDX-License-Identifier: MIT */
#include "api-service/routes/verify_text.h"

#include <inttypes.h>

#include "api-service/routes/metrics_text.h"

enum { VALUE_SIZE = 32 };

static int64_t total(const struct order_counts *counts)
{
    return counts->created;
}

static int64_t average_us(const struct order_counts *counts)
{
    return counts->completed > 0 ? counts->duration_us / counts->completed : 0;
}

static int64_t pending(const struct order_counts *counts)
{
    return counts->created - counts->started;
}

static int64_t processing(const struct order_counts *counts)
{
    return counts->started - counts->completed;
}

static int64_t completed(const struct order_counts *counts)
{
    return counts->completed;
}

static int64_t total_us(const struct order_counts *counts)
{
    return counts->duration_us;
}

/* In the order of /metrics, and one that it does not tell. */
static const struct figure {
    const char *name;
    int64_t (*of)(const struct order_counts *counts);
    bool is_time; /* in microseconds, told in seconds */
} figures[] = {
    {"total_orders", total, false},         {"average_processing_time", average_us, true},
    {"pending_orders", pending, false},     {"processing_orders", processing, false},
    {"completed_orders", completed, false}, {"total_processing_time", total_us, true},
};

enum { FIGURES = sizeof figures / sizeof figures[0] };

static const char *format_value(const struct figure *figure, int64_t value, char text[VALUE_SIZE])
{
    if (figure->is_time) {
        metrics_text_format_seconds(value, text);
    } else {
        snprintf(text, VALUE_SIZE, "%" PRId64, value);
    }
    return text;
}

enum column { COUNTED, RECOUNTED, DRIFT };

static int64_t value_of(const struct figure *figure, const struct store_verification *found,
                        enum column column)
{
    int64_t counted = figure->of(&found->counted);
    int64_t recounted = figure->of(&found->recounted);
    switch (column) {
    case COUNTED:
        return counted;
    case RECOUNTED:
        return recounted;
    default:
        return counted - recounted;
    }
}

static void print_flaws(FILE *out, const struct store_verification *found)
{
    fprintf(out, "rows in impossible states: %" PRId64 "\n", store_flaw_count(found));
    for (size_t i = 0; i < STORE_FLAWS; i++) {
        const struct store_flawed *flawed = &found->flaws[i];
        if (flawed->count == 0) {
            continue;
        }
        fprintf(out, "%8" PRId64 "  %s:", flawed->count, store_flaw_text((enum store_flaw)i));
        for (size_t j = 0; j < flawed->id_count; j++) {
            fprintf(out, "%s ORD%" PRId64, j > 0 ? "," : "", flawed->ids[j]);
        }
        fputs(flawed->count > (int64_t)flawed->id_count ? ", ...\n" : "\n", out);
    }
}

void verify_text_print(FILE *out, const struct store_verification *found)
{
    fprintf(out, "%-24s %20s %20s %20s\n", "", "counters", "recount", "drift");
    for (size_t i = 0; i < FIGURES; i++) {
        fprintf(out, "%-24s", figures[i].name);
        for (enum column column = COUNTED; column <= DRIFT; column++) {
            char text[VALUE_SIZE];
            fprintf(out, " %20s",
                    format_value(&figures[i], value_of(&figures[i], found, column), text));
        }
        fputc('\n', out);
    }
    print_flaws(out, found);
}

void verify_text_print_repaired(FILE *out, const struct store_verification *found)
{
    const char *separator = "";
    for (size_t i = 0; i < FIGURES; i++) {
        int64_t change = -value_of(&figures[i], found, DRIFT);
        char text[VALUE_SIZE];
        if (change != 0) {
            fprintf(out, "%s%s %s%s", separator, figures[i].name, change > 0 ? "+" : "",
                    format_value(&figures[i], change, text));
            separator = ", ";
        }
    }
}

/* Without its braces. */
static void print_members(FILE *out, const struct store_verification *found, enum column column)
{
    for (size_t i = 0; i < FIGURES; i++) {
        char text[VALUE_SIZE];
        fprintf(out, "%s\"%s\":%s", i > 0 ? "," : "", figures[i].name,
                format_value(&figures[i], value_of(&figures[i], found, column), text));
    }
}

/* The texts of flaws need no escaping. */
static void print_flaw_objects(FILE *out, const struct store_verification *found)
{
    const char *separator = "";
    for (size_t i = 0; i < STORE_FLAWS; i++) {
        const struct store_flawed *flawed = &found->flaws[i];
        if (flawed->count == 0) {
            continue;
        }
        fprintf(out, "%s{\"state\":\"%s\",\"rows\":%" PRId64 ",\"order_ids\":[", separator,
                store_flaw_text((enum store_flaw)i), flawed->count);
        for (size_t j = 0; j < flawed->id_count; j++) {
            fprintf(out, "%s\"ORD%" PRId64 "\"", j > 0 ? "," : "", flawed->ids[j]);
        }
        fputs("]}", out);
        separator = ",";
    }
}

void verify_text_print_json(FILE *out, const struct store_verification *found)
{
    bool clean = !store_has_drift(found) && store_flaw_count(found) == 0;
    fputc('{', out);
    print_members(out, found, COUNTED);
    fputs(",\"recount\":{", out);
    print_members(out, found, RECOUNTED);
    fputs("},\"drift\":{", out);
    print_members(out, found, DRIFT);
    fputs("},\"impossible_rows\":[", out);
    print_flaw_objects(out, found);
    fprintf(out, "],\"clean\":%s}", clean ? "true" : "false");
}
