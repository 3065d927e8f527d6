-- every study goes on to the archive
function OnStableStudy(studyId, tags, metadata)
  Delete(SendToModality(studyId, 'pacs'))
end
