// SPDX-License-Identifier: Apache-2.0
// Tokens, application servers, the audit log.
#include "platform/api/handlers.hpp"

namespace simroot::platform::handlers {
namespace {

constexpr std::int64_t kInvitationLifetime = 3600;

Answer ShowNewToken(Context& context, const NewToken& made) {
  SR_TRY(const json::value tenant,
         ReadStore(context, [&](StoreReader& reader) { return Describer(reader).TenantName(made.token.tenant); }));
  // The one place where it leaves the platform.
  const ByteView text = made.text.Reveal(InsecureReveal::kForCrypto);
  return context.Json(json::object{{"id", made.token.id},
                                   {"name", View(made.token.name)},
                                   {"role", View(NameOf(made.token.role))},
                                   {"tenant", tenant},
                                   {"not_after", TimeToJson(made.token.not_after)},
                                   {"token", View(AsText(text))}});
}

/// The certificate request of the body, DER.
Outcome<Bytes> RequestOf(const Context& context) {
  auto csr = FromPem("CERTIFICATE REQUEST", context.Text("csr"));
  if (!csr) {
    return Refuse(FailureKind::kInvalid, "the certificate request is not PEM",
                  "make one with openssl req -new, and send its text");
  }
  return std::move(*csr);
}

Answer ShowEnrolled(Context& context, const EnrolledServer& server) {
  SR_TRY(const json::value tenant,
         ReadStore(context, [&](StoreReader& reader) { return Describer(reader).TenantName(server.identity.tenant); }));
  return context.Json(json::object{{"id", server.identity.id},
                                   {"name", View(server.identity.name)},
                                   {"tenant", tenant},
                                   {"certificate_chain", View(server.certificate_chain)}});
}

net::HttpResponse Done(const Context& context) {
  net::HttpResponse answer;
  answer.status = context.route.status;
  return answer;
}

}  // namespace

Answer ListTokens(Context& context) {
  return ShowPage(context, [&](StoreReader& reader) -> Outcome<std::vector<Token>> {
    std::vector<Token> seen;
    Page page = context.page;
    bool more = true;
    while (more && seen.size() < context.page.limit) {
      SR_TRY(const std::vector<Token> all, reader.ListTokens(page));
      more = all.size() == page.limit;
      for (const Token& token : all) {
        page.after = token.id;
        if (RequireVisible(context, token.tenant, "token") && seen.size() < context.page.limit) {
          seen.push_back(token);
        }
      }
    }
    return seen;
  });
}

Answer CreateToken(Context& context) {
  const std::int64_t lifetime = context.Number("lifetime_s", 0);
  const UnixTime not_after = lifetime == 0 ? 0 : context.parts.clock.Now() + lifetime;
  SR_TRY(const NewToken made,
         context.parts.service.CreateToken(context.actor, context.Text("name"),
                                           ParseName<Role>(context.Text("role")).value_or(Role::kViewer),
                                           context.Text("tenant"), not_after));
  return ShowNewToken(context, made);
}

Answer RevokeToken(Context& context) {
  SR_TRY(const Id id, context.PathId());
  SR_TRY_VOID(context.parts.service.RevokeToken(context.actor, id));
  return Done(context);
}

Answer ListServers(Context& context) {
  return ShowPage(context, [&](StoreReader& reader) -> Outcome<std::vector<ServerIdentity>> {
    SR_TRY(const Id tenant, TenantScope(context, reader, context.Query("tenant")));
    return reader.ListServers(tenant, context.page);
  });
}

Answer InviteServer(Context& context) {
  SR_TRY(const NewToken made,
         context.parts.service.InviteServer(context.actor, context.Text("tenant"), context.Text("name"),
                                            context.Number("lifetime_s", kInvitationLifetime)));
  return ShowNewToken(context, made);
}

Answer EnrolServer(Context& context) {
  SR_TRY(const Bytes csr, RequestOf(context));
  SR_TRY(const EnrolledServer server, context.parts.service.EnrolServer(context.Text("token"), csr));
  return ShowEnrolled(context, server);
}

Answer RenewServer(Context& context) {
  SR_TRY(const Bytes csr, RequestOf(context));
  SR_TRY(const EnrolledServer server, context.parts.service.RenewServer(context.actor, csr));
  return ShowEnrolled(context, server);
}

Answer RevokeServer(Context& context) {
  SR_TRY(const Id id, context.PathId());
  SR_TRY_VOID(context.parts.service.RevokeServer(context.actor, id));
  return Done(context);
}

Answer ListAudit(Context& context) {
  return ShowPage(context, [&](StoreReader& reader) -> Outcome<std::vector<AuditEntry>> {
    SR_TRY(const Id tenant, TenantScope(context, reader, context.Query("tenant")));
    return reader.ListAudit(tenant, context.page);
  });
}

Answer VerifyAudit(Context& context) {
  if (context.actor.tenant != 0) {
    return Refuse(FailureKind::kDenied, "the audit log is one chain of all tenants",
                  "ask with a token for all tenants");
  }
  SR_TRY(const std::int64_t entries, ReadStore(context, [](StoreReader& reader) { return reader.VerifyAudit(); }));
  return context.Json(json::object{{"entries", entries}});
}

}  // namespace simroot::platform::handlers
