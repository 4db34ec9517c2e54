/* SPDX-License-Identifier: MIT */
/*
 * Loaded into the service by LD_PRELOAD. It intercepts the functions that can fail and makes one
 * call of one of them fail. Only calls of the program and of its I/O libraries count, and only
 * between the begin and the end of main. Threads: any.
 */
#ifndef TESTS_TORTURE_INTERPOSER_H
#define TESTS_TORTURE_INTERPOSER_H

#include <stdbool.h>

/*
 * True when this call, with this return address, is the one to fail. Keeps errno.
 * interposer_fails_program: only if the program itself makes the call. For functions that a library
 * also calls internally without checking the result.
 */
bool interposer_fails(const char *call, const void *return_address);
bool interposer_fails_program(const char *call, const void *return_address);

/* The function that would have been called without the interposer. */
void *interposer_find(const char *name);

/*
 * Defines a function that runs `failure` when `fails` is true, and else calls the real one. ISO C
 * cannot cast the result of dlsym to a function pointer, so it is copied through memory.
 */
#define INTERPOSE_WHEN(fails, type, name, parameters, arguments, failure)                          \
    type name parameters                                                                           \
    {                                                                                              \
        static __typeof__(type(*) parameters) real;                                                \
        if (real == NULL) {                                                                        \
            *(void **)&real = interposer_find(#name);                                              \
        }                                                                                          \
        if (fails(#name, __builtin_return_address(0))) {                                           \
            failure                                                                                \
        }                                                                                          \
        return real arguments;                                                                     \
    }

#endif
