-- Health of the five kinds of cloudpolicy.dev for Argo CD. All kinds use one script, because they have the same conditions.
--
-- Healthy: Ready is true for the newest spec.
-- Suspended: spec.suspend is true, or a change waits for an approval.
-- Degraded: a user must act (Stalled, or a difference that the operator only reports).
-- Progressing: everything else. The operator continues by itself, for example after an upstream was unavailable.
--
-- Argo CD runs the script in Lua 5.1 without the standard library (no string, no math). It does not run it for objects that
-- are being deleted: these are Progressing.
local function health(status, condition, otherwise)
  if condition == nil then
    return { status = status, message = otherwise }
  end
  return { status = status, message = condition.reason .. ": " .. condition.message }
end

local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local ready = conditions.Ready

-- An approval is complete as it is.
if obj.kind == "PolicyApproval" then
  return { status = "Healthy", message = "The operator reads it when a change needs it." }
end
if status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", nil, "Waiting for the operator to reconcile the newest spec.")
end
if ready == nil then
  return health("Progressing", nil, "Waiting for the first result.")
end
if obj.spec.suspend == true or ready.reason == "ApprovalRequired" then
  return health("Suspended", ready)
end
if conditions.Stalled ~= nil and conditions.Stalled.status == "True" then
  return health("Degraded", ready)
end
if ready.status == "True" then
  return health("Healthy", ready)
end
-- The spec tells the operator not to write, so it does not continue.
if ready.reason == "DriftReported" or ready.reason == "Observed" then
  return health("Degraded", ready)
end
return health("Progressing", ready)
