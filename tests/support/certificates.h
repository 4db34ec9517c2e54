/* SPDX-License-Identifier: MIT */
/* Certificates for a test's own server, made by the program openssl. Failing to fails the test. */
#ifndef TESTS_SUPPORT_CERTIFICATES_H
#define TESTS_SUPPORT_CERTIFICATES_H

/*
 * Makes in `folder`: server.pem and server.key for a server with the `names` ("DNS:localhost"), the
 * authority that has signed it, ca.pem, and one that has not, other.pem. Authorities that are there
 * already are kept. All belong to the owner of the folder.
 */
void certificates_make(const char *folder, const char *names);

#endif
