/* SPDX-License-Identifier: MIT */
/* order-model: checks all states of the protocol, correct or broken in one way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/explore.h"

static int usage(void)
{
    fprintf(stderr, "usage: order-model [--break NAME [--alone]]\n"
                    "--alone: only one of the two requests is sent. NAME is one of\n");
    for (unsigned i = 0; i < MODEL_BREAKS; i++) {
        fprintf(stderr, "  %s\n", model_break_name((enum model_break)i));
    }
    return 2;
}

int main(int argc, char *argv[])
{
    enum model_break broken = BREAK_NONE;
    bool alone = argc == 4 && strcmp(argv[3], "--alone") == 0;
    if ((argc == 3 || alone) && strcmp(argv[1], "--break") == 0) {
        broken = model_break_find(argv[2]);
    } else if (argc != 1) {
        return usage();
    }
    if (broken == MODEL_BREAKS) {
        return usage();
    }
    return explore(broken, alone) ? EXIT_SUCCESS : EXIT_FAILURE;
}
