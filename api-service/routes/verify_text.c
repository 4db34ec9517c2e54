/* SPDX-License-Identifier: MIT */
#include "api-service/routes/verify_text.h"

#include <inttypes.h>

#include "api-service/routes/figure.h"

enum column { COUNTED, RECOUNTED, DRIFT, COLUMNS };

static int64_t value_of(enum figure figure, const struct store_verification *found,
                        enum column column)
{
    int64_t counted = figure_value(figure, &found->counted);
    int64_t recounted = figure_value(figure, &found->recounted);
    const int64_t values[COLUMNS] = {counted, recounted, counted - recounted};
    return values[column];
}

static void print_flaws(FILE *out, const struct store_verification *found)
{
    fprintf(out, "rows in impossible states: %" PRId64 "\n", store_flaw_count(found));
    for (enum store_flaw i = 0; i < STORE_FLAWS; i++) {
        const struct store_flawed *flawed = &found->flaws[i];
        if (flawed->count == 0) {
            continue;
        }
        fprintf(out, "%8" PRId64 "  %s:", flawed->count, store_flaw_text(i));
        for (size_t j = 0; j < flawed->id_count; j++) {
            fprintf(out, "%s ORD%" PRId64, j > 0 ? "," : "", flawed->ids[j]);
        }
        fputs(flawed->count > (int64_t)flawed->id_count ? ", ...\n" : "\n", out);
    }
}

void verify_text_print(FILE *out, const struct store_verification *found)
{
    fprintf(out, "%-24s %20s %20s %20s\n", "", "counters", "recount", "drift");
    for (enum figure i = 0; i < FIGURES; i++) {
        fprintf(out, "%-24s", figure_name(i));
        for (enum column column = 0; column < COLUMNS; column++) {
            char text[FIGURE_TEXT_SIZE];
            fprintf(out, " %20s", figure_format(i, value_of(i, found, column), text));
        }
        fputc('\n', out);
    }
    print_flaws(out, found);
}

void verify_text_print_repaired(FILE *out, const struct store_verification *found)
{
    const char *separator = "";
    for (enum figure i = 0; i < FIGURES; i++) {
        int64_t change = -value_of(i, found, DRIFT);
        char text[FIGURE_TEXT_SIZE];
        if (change != 0) {
            fprintf(out, "%s%s %s%s", separator, figure_name(i), change > 0 ? "+" : "",
                    figure_format(i, change, text));
            separator = ", ";
        }
    }
}

/* The figures of a column, without braces. */
static void add_members(struct text *out, const struct store_verification *found,
                        enum column column)
{
    for (enum figure i = 0; i < FIGURES; i++) {
        text_add(out, i > 0 ? "," : "");
        figure_add_member(out, i, value_of(i, found, column));
    }
}

/* The texts of flaws are constants that need no escaping. */
static void add_flaw(struct text *out, enum store_flaw flaw, const struct store_flawed *flawed)
{
    text_add(out, "{\"state\":\"");
    text_add(out, store_flaw_text(flaw));
    text_add(out, "\",\"rows\":");
    text_add_signed(out, flawed->count);
    text_add(out, ",\"order_ids\":[");
    for (size_t i = 0; i < flawed->id_count; i++) {
        text_add(out, i > 0 ? ",\"ORD" : "\"ORD");
        text_add_signed(out, flawed->ids[i]);
        text_add(out, "\"");
    }
    text_add(out, "]}");
}

static void add_flaws(struct text *out, const struct store_verification *found)
{
    const char *separator = "";
    for (enum store_flaw i = 0; i < STORE_FLAWS; i++) {
        if (found->flaws[i].count > 0) {
            text_add(out, separator);
            add_flaw(out, i, &found->flaws[i]);
            separator = ",";
        }
    }
}

bool verify_text_print_json(struct text *out, const struct store_verification *found)
{
    bool clean = !store_has_drift(found) && store_flaw_count(found) == 0;
    text_add(out, "{");
    add_members(out, found, COUNTED);
    text_add(out, ",\"recount\":{");
    add_members(out, found, RECOUNTED);
    text_add(out, "},\"drift\":{");
    add_members(out, found, DRIFT);
    text_add(out, "},\"impossible_rows\":[");
    add_flaws(out, found);
    text_add(out, clean ? "],\"clean\":true}" : "],\"clean\":false}");
    return text_is_whole(out);
}
